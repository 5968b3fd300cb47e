/** The environment of this process. Only this file reads it. */
export const environment: Readonly<Record<string, string | undefined>> = process.env;
