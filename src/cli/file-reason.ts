import { thrownMessage } from '../core/thrown.ts';

/** Errors of the system whose meaning depends on what was tried. */
const reading: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'there is no such file'],
  ['EACCES', 'this user has no permission to read it'],
  ['EPERM', 'this user has no permission to read it'],
]);
const writing: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'its folder does not exist'],
  ['EACCES', 'this user has no permission to write to it, or to create it in its folder'],
  ['EPERM', 'this user has no permission to write to it'],
]);
const either: ReadonlyMap<string, string> = new Map([
  ['EISDIR', 'it is a folder'],
  ['ENOTDIR', 'a part of its path is not a folder'],
  ['ENAMETOOLONG', 'its name is too long'],
  ['ELOOP', 'its symbolic links lead in a circle'],
  ['ENOSPC', 'the disk is full'],
  ['EDQUOT', 'the quota of the disk is used up'],
  ['EFBIG', 'the file would be larger than the system allows'],
  ['EROFS', 'it is on a read-only file system'],
  ['EIO', 'the disk has an error'],
  ['EMFILE', 'this process has too many open files (ulimit -n)'],
  ['ENFILE', 'the system has too many open files'],
]);

/** Why a file cannot be read or written, in plain words; another error keeps its message. */
export function fileReason(error: unknown, use: 'read' | 'written'): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return (use === 'read' ? reading : writing).get(code) ?? either.get(code) ?? thrownMessage(error);
}
