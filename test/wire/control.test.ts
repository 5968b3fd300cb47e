import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RequestError } from '../../src/core/errors.ts';
import { checkpointLine, isControlLine, isResumeLine, parseResume, watermarkFault } from '../../src/wire/control.ts';

describe('a control line', () => {
  test.each(['{"$watermark":1}', ' \t{ "$x": 1, "a": 2}', '{"$"', '{"$resume":0}'])('is %s', (line) => {
    expect(isControlLine(line)).toBe(true);
  });

  test.each(['{"a":1,"$watermark":2}', '{"":1}', '["$watermark"]', '"$watermark"', '{}', '{"a$":1}'])(
    'is not %s',
    (line) => {
      expect(isControlLine(line)).toBe(false);
    },
  );

  test.each(['{"$watermark":1}', '{"$watermark":null}', ' { "$watermark" : {"t":[1.0]} } '])(
    'is a watermark: %s',
    (line) => {
      expect(watermarkFault(line)).toBeUndefined();
    },
  );

  test.each([
    ['{"$watermark":1', 'invalid_json', 'the control line is not JSON'],
    ['{"$watermark":1,"b":2}', 'not_an_object', '$watermark has 1 more members beside it'],
    ['{"$checkpoint":{}}', 'not_an_object', 'the input has no control line $checkpoint'],
    ['{"$id":1,"name":"x"}', 'not_an_object', 'the input has no control line $id'],
    ['{"$resume":{"next":1,"pending":[]}}', 'not_an_object', '$resume is the first line'],
  ])('that is none there is gets an error of its line: %s', (line, code, message) => {
    const fault = watermarkFault(line);
    expect(fault).toMatchObject({ code, message: expect.stringContaining(message), input: line });
    expect(fault?.message).toContain('expected {"$watermark": …}');
  });

  test('that does not exist: the message begins with its name and says when the line is a record', () => {
    expect(watermarkFault('{"$foo":1}')?.message).toBe(
      'the input has no control line $foo; expected {"$watermark": …} and nothing beside it; without control=true this line is a record',
    );
  });
});

describe('$resume', () => {
  test('accepts the value of any $checkpoint', () => {
    const checkpoints = fc
      .uniqueArray(fc.nat(2 ** 40))
      .map((seqs) => seqs.toSorted((a, b) => a - b))
      .map((seqs) => ({ next: (seqs.at(-1) ?? 0) + 1, pending: seqs.slice(0, -1) }));
    fc.assert(
      fc.property(checkpoints, (checkpoint) => {
        const line = checkpointLine(checkpoint).replace('$checkpoint', '$resume');
        expect(isResumeLine(line)).toBe(true);
        expect(parseResume(line)).toEqual(checkpoint);
      }),
    );
  });

  test.each([
    ['{"$resume":', 'is not JSON'],
    ['{"$resume":{"next":1,"pending":[]},"a":1}', 'other members stand beside'],
    ['{"$resume":5}', '$resume is 5, not an object'],
    [
      '{"$resume":{"pending":[]}}',
      '$resume.next is missing; copy the value of the last $checkpoint, such as {"$resume":',
    ],
    ['{"$resume":{"next":-1,"pending":[]}}', 'next is -1'],
    ['{"$resume":{"next":1.5,"pending":[]}}', 'next is 1.5'],
    ['{"$resume":{"next":"7","pending":[]}}', 'next is "7"'],
    ['{"$resume":{"next":1000000000000001,"pending":[]}}', 'not a line number from 0 to 1000000000000000'],
    ['{"$resume":{"next":9007199254740991,"pending":[9007199254740990]}}', 'from 0 to 1000000000000000'],
    ['{"$resume":{"next":1e16,"pending":[]}}', 'from 0 to 1000000000000000'],
    ['{"$resume":{"next":1000000000000000,"pending":[1000000000000000]}}', 'not a line before 1000000000000000'],
    ['{"$resume":{"next":7}}', 'pending is missing'],
    ['{"$resume":{"next":7,"pending":[7]}}', '$resume.pending has 7, not a line before 7'],
    ['{"$resume":{"next":7,"pending":[null]}}', 'pending has null'],
    ['{"$resume":{"next":7,"pending":[3,2]}}', 'pending is not ascending at 2'],
    ['{"$resume":{"next":7,"pending":[3,3]}}', 'pending is not ascending at 3'],
    ['{"$resume":{"next":7,"pending":[],"more":1}}', '$resume.more is unknown'],
  ])('is refused with what is wrong in it: %s', (line, fault) => {
    expect(isResumeLine(line)).toBe(true);
    expect(() => parseResume(line)).toThrow(RequestError);
    expect(() => parseResume(line)).toThrow(fault);
  });
});
