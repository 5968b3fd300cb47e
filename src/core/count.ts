const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** A whole number with its thousands apart: `12,345`. */
export const count = (value: number): string => whole.format(value);
