/** The decisions of a circuit breaker, without time, calls and timers: pure functions of a state. */

export interface BreakerRules {
  /** The share of failed calls at which the breaker opens, above 0. */
  readonly failureRatio: number;
  /** Fewer calls open no breaker. */
  readonly minimum: number;
  readonly openMs: number;
}

/** Calls that have ended within the window. */
export interface CallCounts {
  readonly calls: number;
  readonly failures: number;
}

/**
 *                 too many failures                      `openMs` later
 *     closed ───────────────────────▶ open ──────────────────────────────▶ half_open ── a probe begins ─▶ probing
 *       ▲                              ▲                                       ▲                             │
 *       │                              └────────────── it fails ───────────────┼─────────────────────────────┤
 *       │                                              it says nothing ────────┘                             │
 *       └───────────────────────────────────────────── it succeeds ──────────────────────────────────────────┘
 */
export type BreakerState =
  | { readonly name: 'closed' }
  | { readonly name: 'open'; readonly untilMs: number; readonly counts: CallCounts }
  | { readonly name: 'half_open'; readonly probing: boolean; readonly counts: CallCounts };

export const closed: BreakerState = { name: 'closed' };

/** What an ended call says about the lookup; `nothing` if it was cancelled, or was never sent. */
export type Verdict = 'good' | 'bad' | 'nothing';

/** The state at a time: an open breaker becomes half open by itself. */
export function stateAt(state: BreakerState, nowMs: number): BreakerState {
  if (state.name !== 'open' || nowMs < state.untilMs) return state;
  return { name: 'half_open', probing: false, counts: state.counts };
}

/** What happens to a call. A probe is the only call of its time, and decides how the breaker goes on. */
export function admissionOf(state: BreakerState): 'call' | 'probe' | 'refuse' {
  if (state.name === 'closed') return 'call';
  return state.name === 'half_open' && !state.probing ? 'probe' : 'refuse';
}

export function whileProbing(state: BreakerState): BreakerState {
  return state.name === 'half_open' ? { ...state, probing: true } : state;
}

export function afterProbe(state: BreakerState, verdict: Verdict, nowMs: number, rules: BreakerRules): BreakerState {
  if (state.name !== 'half_open') return state;
  if (verdict === 'nothing') return { ...state, probing: false };
  return verdict === 'good' ? closed : { name: 'open', untilMs: nowMs + rules.openMs, counts: state.counts };
}

/** The state after a call of a closed breaker. */
export function afterCall({ calls, failures }: CallCounts, nowMs: number, rules: BreakerRules): BreakerState {
  if (calls < rules.minimum || failures < rules.failureRatio * calls) return closed;
  return { name: 'open', untilMs: nowMs + rules.openMs, counts: { calls, failures } };
}
