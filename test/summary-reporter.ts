import type { Reporter, SerializedError, TestModule, Vitest } from 'vitest/node';

/** The id of a case of Flink's tests within the name of a test: `AWO-13 the end of the input …`, `R6 RS-01 …`. */
const conformanceCase = /(?<![\w-])(?:AWO|OQ|SQ|RS|SO|ADS|TKA|AEC|DLC|LFC|PRT|ALH|ALR|ALO|LJT|PY|AB|OAB|ABR)-\d+\b/g;

/**
 * Prints two lines at the end of a run: how many cases of the conformance list passed, if the run had any; and, as the
 * last line, `N passed, N failed`, alone and without colour, so that programs can read it.
 * A file that could not be loaded, an error outside of every test, and coverage below a threshold count as failed.
 */
export default class SummaryReporter implements Reporter {
  #vitest: Vitest | undefined = undefined;
  #counts = { passed: 0, failed: 0 };

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  /** Coverage is only compared with the thresholds, and reported, if no test has failed. */
  get #awaitsCoverage(): boolean {
    return this.#vitest?.config.coverage.enabled === true && this.#vitest.state.getCountOfFailedTests() === 0;
  }

  /** Coverage has been reported. The only sign that it is below a threshold is the exit code. */
  onFinishedReportCoverage(): void {
    if (this.#counts.failed === 0 && process.exitCode === 1) this.#counts.failed = 1;
    this.#print();
  }

  #print(): void {
    process.stdout.write(`${this.#counts.passed} passed, ${this.#counts.failed} failed\n`);
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    let passed = 0;
    let failed = unhandled.length;
    const conformance = { held: new Set<string>(), broken: new Set<string>() };
    for (const module of modules) {
      failed += module.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') passed++;
        if (state === 'failed') failed++;
        const cases = state === 'passed' ? conformance.held : conformance.broken;
        for (const [id] of test.name.matchAll(conformanceCase)) cases.add(id);
      }
      for (const suite of module.children.allSuites()) failed += suite.errors().length;
    }
    const held = conformance.held.difference(conformance.broken).size;
    const all = conformance.held.union(conformance.broken).size;
    if (all > 0) process.stdout.write(`${held} of ${all} conformance cases hold\n`);
    this.#counts = { passed, failed };
    if (!this.#awaitsCoverage) this.#print();
  }
}
