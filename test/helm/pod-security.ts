import { at } from './helm.ts';

/** The parts of a pod spec that violate the Pod Security Standard "restricted", or what this chart promises beyond it. */
export function notRestricted(spec: unknown): readonly string[] {
  const wrong: string[] = [];
  for (const key of ['hostNetwork', 'hostPID', 'hostIPC']) if (at(spec, key) === true) wrong.push(key);
  for (const [index, volume] of list(at(spec, 'volumes')).entries()) {
    const allowed = ['configMap', 'secret', 'emptyDir', 'projected', 'downwardAPI', 'csi', 'persistentVolumeClaim'];
    if (!allowed.some((kind) => at(volume, kind) !== undefined)) wrong.push(`volumes.${index}`);
  }
  if (at(spec, 'automountServiceAccountToken') !== false) wrong.push('automountServiceAccountToken');
  for (const group of ['initContainers', 'containers']) {
    for (const [index, container] of list(at(spec, group)).entries()) {
      wrong.push(...ofContainer(spec, container).map((violation) => `${group}.${index}: ${violation}`));
    }
  }
  return wrong;
}

function ofContainer(spec: unknown, container: unknown): readonly string[] {
  const wrong: string[] = [];
  const own = (key: string): unknown => at(container, `securityContext.${key}`);
  const effective = (key: string): unknown => own(key) ?? at(spec, `securityContext.${key}`);
  if (own('privileged') === true) wrong.push('privileged');
  if (own('allowPrivilegeEscalation') !== false) wrong.push('allowPrivilegeEscalation');
  if (own('readOnlyRootFilesystem') !== true) wrong.push('readOnlyRootFilesystem');
  if (!list(own('capabilities.drop')).includes('ALL')) wrong.push('capabilities.drop');
  if (list(own('capabilities.add')).some((name) => name !== 'NET_BIND_SERVICE')) wrong.push('capabilities.add');
  if (effective('runAsNonRoot') !== true) wrong.push('runAsNonRoot');
  if (typeof effective('runAsUser') !== 'number' || effective('runAsUser') === 0) wrong.push('runAsUser');
  if (!['RuntimeDefault', 'Localhost'].includes(String(effective('seccompProfile.type')))) wrong.push('seccompProfile');
  if (list(at(container, 'ports')).some((port) => at(port, 'hostPort') !== undefined)) wrong.push('hostPort');
  return wrong;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
