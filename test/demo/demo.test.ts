import { join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { readDemoData } from '../../src/demo/data.ts';
import { demo, type DemoOutcome } from '../../src/demo/demo.ts';
import { airportAnswer, type AnswerOf } from '../../src/demo/directory.ts';

const program = join(import.meta.dirname, '../../src/cli/main.ts');

class Captured extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

interface Performance {
  readonly outcome: DemoOutcome;
  readonly stdout: string;
  readonly stderr: string;
}

async function performed(records: number, answerOf: AnswerOf, terminal = false): Promise<Performance> {
  const stdout = new Captured();
  const stderr = new Captured();
  const options = { program, keep: false, records, color: terminal, tty: terminal, stdout, stderr };
  const outcome = await demo(options, answerOf);
  return { outcome, stdout: stdout.text, stderr: stderr.text };
}

describe('the demo', { timeout: 60_000 }, () => {
  test('streams flights through a service that it starts, finds every result correct and exits with 0', async () => {
    const { outcome, stdout, stderr } = await performed(500, airportAnswer);
    expect(stderr).toBe('');
    expect(outcome).toBe('passed');
    expect(stdout).toMatch(/records +500 +500\n/);
    expect(stdout).toMatch(/errors +0 +0\n/);
    expect(stdout).toMatch(/share of the best possible +[\d.]+ % +[\d.]+ %\n/);
    expect(stdout).toContain('"originAirport":{"name":"Detroit Metropolitan-Wayne County","city":"Detroit"');
    expect(stdout).toContain('Checked: nothing is lost');
    expect(stdout).toMatch(/machine +client, directory and service share its (?:one core|\d+ cores)\n/);
    // Not a terminal: no colours, and no line is overwritten.
    expect(stdout).not.toContain('\u001B');
  });

  test('reports the wrong result and fails if the directory answers with a wrong city', async () => {
    const { outcome, stdout, stderr } = await performed(200, (airport) =>
      airportAnswer(airport['iata'] === 'LAS' ? { ...airport, city: 'Reno' } : airport),
    );
    expect(outcome).toBe('failed');
    expect(stderr).toContain('ordered: line 1: city of destination LAS is "Reno", but "Las Vegas" in airports.csv');
    expect(stdout).not.toContain('Checked:');
  });

  test('counts failed lookups as errors, shows the first and fails', async () => {
    const { outcome, stdout, stderr } = await performed(200, (airport) =>
      airport['iata'] === 'LAS' ? '<html>' : airportAnswer(airport),
    );
    expect(outcome).toBe('failed');
    expect(stderr).toContain('"code":"bad_response"');
    expect(stdout).not.toMatch(/errors +0 +0\n/);
  });

  test('starts the program that it receives', async () => {
    const [stdout, stderr] = [new Captured(), new Captured()];
    const options = { program: '/nowhere/main.ts', keep: false, color: false, tty: false, stdout, stderr };
    await expect(demo(options)).rejects.toThrow(/ended with exit code 1 before it listened[^]*\/nowhere\/main\.ts/);
  });

  test('has the 20,000 flights that --records allows', async () => {
    expect((await readDemoData()).flights).toHaveLength(20_000);
  });

  test('redraws one progress line on a terminal, and removes it at the end', async () => {
    const { outcome, stderr } = await performed(4000, airportAnswer, true);
    expect(outcome).toBe('passed');
    expect(stderr).toContain('of 4,000');
    expect(stderr).not.toContain('\n');
    expect(stderr.endsWith('\r\u001B[2K')).toBe(true);
  });
});
