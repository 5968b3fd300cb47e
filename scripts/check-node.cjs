// Ends the process with a message that says what to do, if Node.js is too old. The npm scripts load it first (`node -r`),
// because an old Node.js cannot read .ts files at all. The text is the same as in src/core/node-version.ts.
'use strict';
var version = process.versions.node;
var needed = Number.parseInt(require('../package.json').engines.node.replace('>=', ''), 10);
if (!(Number.parseInt(version, 10) >= needed)) {
  process.stderr.write(
    'Millrace needs Node.js ' +
      needed +
      ' or newer, but this is ' +
      version +
      '.\n' +
      'In a clone: "npm ci" (without --ignore-scripts) fetches the right one, and "npm run ..." or "npx node ..." uses it;\n' +
      '"node" and "./node_modules/.bin/..." by hand take the one of the system.\n',
  );
  process.exit(1);
}
