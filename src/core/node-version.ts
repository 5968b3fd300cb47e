/** The oldest major version of Node.js that Millrace runs on. */
export const oldestNodeMajor = 24;

/**
 * Undefined if Millrace can run, else a message: the version found, the version needed, and how to get it.
 * `version` is `process.versions.node`. A version that is not a number counts as too old.
 *
 * Without its types this file is syntax that an old Node.js can parse, and it imports nothing: it runs before any other
 * file is loaded.
 */
export function unsupportedNode(version: string): string | undefined {
  if (Number.parseInt(version, 10) >= oldestNodeMajor) return undefined;
  return (
    `Millrace needs Node.js ${oldestNodeMajor} or newer, but this is ${version}.\n` +
    `Installed as a package: install Node.js ${oldestNodeMajor} (https://nodejs.org) and start again.\n` +
    'In a clone: "npm ci" (without --ignore-scripts) installs the right version, and "npm run ..." or "npx node ..." uses it;\n' +
    '"node" and "./node_modules/.bin/..." use the Node.js of the system.'
  );
}
