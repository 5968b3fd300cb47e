/** A Prometheus rule that raises an alert. */
export interface Alert {
  readonly name: string;
  readonly expression: string;
  /** How long the expression has to be true, as a duration of Prometheus. Without it, the alert is raised at once. */
  readonly holds?: string;
  /** `critical`: somebody has to act at once. `warning`: somebody has to act today. `info`: it explains other alerts. */
  readonly severity: 'critical' | 'warning' | 'info';
  readonly summary: string;
  readonly description: string;
}

/** The page with a section for each alert, under its name. */
const runbook = 'docs/runbook.md';

/** The alert as a rule file contains it. */
export function rule({ name, expression, holds, severity, summary, description }: Alert): object {
  return {
    alert: name,
    expr: expression,
    ...(holds === undefined ? {} : { for: holds }),
    labels: { severity },
    annotations: { summary, description, runbook_url: `${runbook}#${name.toLowerCase()}` },
  };
}
