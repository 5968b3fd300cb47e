/** What a server sent is no answer in HTTP/1.1, or one whose end two readers could find at different places. */
export class MalformedAnswer extends Error {
  override readonly name = 'MalformedAnswer';
}
