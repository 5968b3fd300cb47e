/** A rule of Prometheus that raises an alert. */
export interface Alert {
  readonly name: string;
  readonly expression: string;
  /** How long the expression has to hold, as Prometheus writes it; without it, once is enough. */
  readonly holds?: string;
  /** `critical`: somebody is woken. `warning`: it is looked at today. `info`: it explains others. */
  readonly severity: 'critical' | 'warning' | 'info';
  readonly summary: string;
  readonly description: string;
}

/** Where the sections of the runbook are; one for each alert, under its name. */
const runbook = 'docs/runbook.md';

/** As it stands in a rule file. */
export function rule({ name, expression, holds, severity, summary, description }: Alert): object {
  return {
    alert: name,
    expr: expression,
    ...(holds === undefined ? {} : { for: holds }),
    labels: { severity },
    annotations: { summary, description, runbook_url: `${runbook}#${name.toLowerCase()}` },
  };
}
