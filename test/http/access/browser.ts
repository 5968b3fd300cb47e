import { onTestFinished } from 'vitest';
import { openPage, type Page } from './chromium.ts';

/** Runs a page in a real Chromium, which ends with the test. Resolves with the result of its script, as JSON. */
export async function runPage(page: Page): Promise<unknown> {
  const open = await openPage(page);
  onTestFinished(() => open.close());
  return open.result;
}
