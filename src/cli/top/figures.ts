import { count } from '../../core/count.ts';

/** A rate in few characters, for a table. */
export function rate(perSecond: number): string {
  if (perSecond === 0 || perSecond >= 100) return count(perSecond);
  return perSecond.toFixed(perSecond < 10 ? 2 : 1);
}

export function latency(ms: number | undefined): string {
  if (ms === undefined) return '-';
  if (ms >= 10_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${ms.toFixed(ms < 10 ? 2 : ms < 100 ? 1 : 0)} ms`;
}

/** `350ms`, `12s`, `3m12s`, `5h02m`, `9d04h`. */
export function age(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  const seconds = Math.floor(ms / 1000);
  const parts = (large: number, largeUnit: string, small: number, smallUnit: string): string =>
    `${Math.floor(seconds / large)}${largeUnit}${String(Math.floor((seconds % large) / small)).padStart(2, '0')}${smallUnit}`;
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return parts(60, 'm', 1, 's');
  if (seconds < 86_400) return parts(3600, 'h', 60, 'm');
  return parts(86_400, 'd', 3600, 'h');
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

export function bytes(size: number): string {
  const step = size < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(size) / 10));
  const value = size / 1024 ** step;
  return `${step === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${units[step]}`;
}
