/** The oldest major version of Node.js that Millrace runs on. */
export const oldestNodeMajor = 24;

/**
 * Undefined where Millrace can run, else what was found, what is needed and how to get it.
 * `version` is that of `process.versions.node`. A version that can not be read counts as too old.
 *
 * This file holds no syntax that an old Node.js could not parse once its types are gone, and imports nothing:
 * it has to speak before anything else is loaded.
 */
export function unsupportedNode(version: string): string | undefined {
  if (Number.parseInt(version, 10) >= oldestNodeMajor) return undefined;
  return (
    `Millrace needs Node.js ${oldestNodeMajor} or newer, but this is ${version}.\n` +
    `Installed as a package: install Node.js ${oldestNodeMajor} (https://nodejs.org) and start again.\n` +
    'In a clone: "npm ci" (without --ignore-scripts) fetches the right one, and "npm run ..." or "npx node ..." uses it;\n' +
    '"node" and "./node_modules/.bin/..." by hand take the one of the system.'
  );
}
