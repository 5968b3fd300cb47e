import type { Defects } from './parts.ts';
import { LibraryRound } from './library-round.ts';
import { OperatorRound } from './operator-round.ts';
import { layersRound } from './layers-round.ts';
import { planOf, type Plan, type PlanLimits } from './plan.ts';
import { protectionRound } from './protection-round.ts';
import { BrokenRule, Rules } from './rules.ts';

/** A round that failed, with the command that repeats it. */
export class FailedRound extends Error {
  readonly rule: string;
  readonly plan: Plan;

  constructor(plan: Plan, limits: PlanLimits, cause: unknown) {
    const what = cause instanceof Error ? cause.message : String(cause);
    const flags = (['level', 'mode'] as const).map((name) =>
      limits[name] === undefined ? '' : ` --${name} ${limits[name]}`,
    );
    super(
      `seed ${plan.seed} (${plan.level}, ${plan.mode}): ${what}\n` +
        `again, with every event: npm run simulate -- --seed ${plan.seed}${flags.join('')} --verbose`,
      { cause },
    );
    this.rule = cause instanceof BrokenRule ? cause.rule : 'thrown';
    this.plan = plan;
  }
}

/** What a round runs. Without a choice the seed chooses between operator and library. */
export const levels = ['operator', 'library', 'protection', 'layers'] as const;

export interface RoundLimits extends Omit<PlanLimits, 'level'> {
  readonly level?: (typeof levels)[number];
}

/** Runs the round of one seed; returns the number of its records. Throws FailedRound, or an Error of `protection` or `layers`. */
export async function simulateRound(
  seed: number,
  roundLimits: RoundLimits = {},
  defects: Defects = {},
  trace?: (line: string) => void,
): Promise<number> {
  const { level, ...others } = roundLimits;
  if (level === 'protection') return simulateProtection(seed);
  if (level === 'layers') return simulateLayers(seed);
  const limits: PlanLimits = level === undefined ? others : { ...others, level };
  const plan = planOf(seed, limits);
  trace?.(JSON.stringify(plan));
  const rules = new Rules(trace);
  // The stacks of the errors that the function throws on purpose would take a third of the time.
  const { stackTraceLimit } = Error;
  if (trace === undefined) Error.stackTraceLimit = 0;
  try {
    if (plan.level === 'library') await new LibraryRound(plan, rules, defects).run();
    else await new OperatorRound(plan, rules, defects).run();
  } catch (error) {
    throw new FailedRound(plan, limits, error);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  return plan.records;
}

async function simulateProtection(seed: number): Promise<number> {
  const { records, broken } = await protectionRound(seed);
  if (broken.length === 0) return records;
  throw new Error(
    `seed ${seed} (protection): ${broken.join('; ')}\nagain: npm run simulate -- --seed ${seed} --level protection`,
  );
}

async function simulateLayers(seed: number): Promise<number> {
  try {
    const { records } = await layersRound(seed);
    return records;
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    throw new Error(`${what} (layers)\nagain: npm run simulate -- --seed ${seed} --level layers`, { cause: error });
  }
}
