import type { JsonObject, JsonValue } from '../src/core/json/json.ts';

/** An object with these members only. */
function strict(properties: JsonObject, ...required: readonly string[]): JsonObject {
  return { type: 'object', additionalProperties: false, ...(required.length > 0 ? { required } : {}), properties };
}

const list = (items: JsonObject): JsonObject => ({ type: 'array', items });
const oneOf = (...values: readonly JsonValue[]): JsonObject => ({ enum: values });
const whole = (minimum: number, maximum?: number): JsonObject => ({
  type: 'integer',
  minimum,
  ...(maximum === undefined ? {} : { maximum }),
});

const text: JsonObject = { type: 'string' };
const named: JsonObject = { type: 'string', minLength: 1 };
const texts: JsonObject = { type: 'object', additionalProperties: { type: 'string' } };
const quantity: JsonObject = { type: ['string', 'number'] };
/** An object that Kubernetes checks itself. */
const any: JsonObject = { type: 'object' };
const path: JsonObject = { type: 'string', pattern: '^/' };
const port = whole(1, 65_535);
/** A process without capabilities may not listen on a port below 1024. */
const podPort = whole(1024, 65_535);
const gatewayDuration: JsonObject = { type: 'string', pattern: '^([0-9]{1,5}(h|m|s|ms)){1,4}$' };
const probe = strict({ periodSeconds: whole(1), timeoutSeconds: whole(1), failureThreshold: whole(1) });
const peer = strict({ podSelector: any, namespaceSelector: any, ipBlock: any });
const numberOrPercent: JsonObject = { type: ['string', 'integer'], pattern: '^([0-9]+%)?$', minimum: 0 };

/** The schema of a value, if its default does not show it. A map without a rule is a group of values. */
export const rules: Readonly<Record<string, JsonObject>> = {
  fullnameOverride: { type: 'string', pattern: '^([a-z]([-a-z0-9]*[a-z0-9])?)?$' },
  commonLabels: texts,
  commonAnnotations: texts,
  hostAliases: list(strict({ ip: named, hostnames: list(named) }, 'ip', 'hostnames')),
  'image.repository': named,
  'image.digest': { type: 'string', pattern: '^(sha256:[0-9a-f]{64})?$' },
  'image.pullPolicy': oneOf('Always', 'IfNotPresent', 'Never'),
  imagePullSecrets: list(strict({ name: named }, 'name')),
  config: { $ref: '#/definitions/config' },
  files: { ...texts, propertyNames: { pattern: '^[-._a-zA-Z0-9]+$' } },
  secretMountPath: path,
  'tls.mountPath': path,
  'tls.clientCa.key': named,
  'tls.certManager.issuerRef': strict({ name: named, kind: named, group: named }),
  'tls.certManager.dnsNames': list(named),
  'tls.certManager.duration': { type: 'string', pattern: '^([0-9]+(h|m|s))*$' },
  'tls.certManager.renewBefore': { type: 'string', pattern: '^([0-9]+(h|m|s))*$' },
  'ports.http': podPort,
  'ports.admin': podPort,
  port: podPort,
  adminPort: podPort,
  bindAddress: named,
  extraArgs: list(text),
  extraEnv: list(strict({ name: named, value: text, valueFrom: any }, 'name')),
  extraEnvFrom: list(strict({ prefix: text, configMapRef: any, secretRef: any })),
  resources: strict({
    requests: { type: 'object', additionalProperties: quantity },
    limits: { type: 'object', additionalProperties: quantity },
    claims: list(any),
  }),
  updateStrategy: strict({ type: oneOf('RollingUpdate', 'Recreate'), rollingUpdate: any }),
  terminationGracePeriodSeconds: { type: ['integer', 'null'], minimum: 0 },
  'probes.startup': probe,
  'probes.liveness': probe,
  'probes.readiness': probe,
  podSecurityContext: any,
  securityContext: any,
  'serviceAccount.annotations': texts,
  'service.type': oneOf('ClusterIP', 'NodePort', 'LoadBalancer'),
  'service.port': port,
  'service.nodePort': { type: ['integer', 'null'], minimum: 1, maximum: 65_535 },
  'service.externalTrafficPolicy': oneOf('', 'Cluster', 'Local'),
  'service.annotations': texts,
  'adminService.port': port,
  'adminService.annotations': texts,
  'ingress.annotations': texts,
  // The template refuses a map, with a message that says what to write instead.
  'ingress.hosts': list({ type: ['string', 'object'], minLength: 1 }),
  'ingress.path': path,
  'ingress.tls': list(strict({ hosts: list(named), secretName: named })),
  'httpRoute.parentRefs': list(
    strict({ name: named, namespace: named, sectionName: named, port, group: text, kind: named }, 'name'),
  ),
  'httpRoute.hostnames': list(named),
  'httpRoute.path': path,
  'httpRoute.timeouts': strict({ request: gatewayDuration, backendRequest: gatewayDuration }),
  'httpRoute.filters': list(any),
  'httpRoute.annotations': texts,
  'autoscaling.minReplicas': whole(1),
  'autoscaling.maxReplicas': whole(1),
  'autoscaling.utilization.averageValue': quantity,
  'autoscaling.utilization.metric': named,
  'autoscaling.behavior': strict({ scaleUp: any, scaleDown: any }),
  'keda.maxReplicaCount': whole(1),
  'keda.pollingInterval': whole(1),
  'keda.prometheus.threshold': quantity,
  'keda.prometheus.authenticationRef': strict({ name: named, kind: named }),
  'keda.triggers': list(any),
  'keda.behavior': strict({ scaleUp: any, scaleDown: any }),
  'podDisruptionBudget.minAvailable': numberOrPercent,
  'podDisruptionBudget.maxUnavailable': numberOrPercent,
  topologySpreadConstraints: list(
    strict(
      {
        maxSkew: whole(1),
        topologyKey: named,
        whenUnsatisfiable: oneOf('ScheduleAnyway', 'DoNotSchedule'),
        minDomains: whole(1),
        labelSelector: any,
        matchLabelKeys: list(named),
        nodeAffinityPolicy: oneOf('Honor', 'Ignore'),
        nodeTaintsPolicy: oneOf('Honor', 'Ignore'),
      },
      'maxSkew',
      'topologyKey',
      'whenUnsatisfiable',
    ),
  ),
  affinity: strict({ nodeAffinity: any, podAffinity: any, podAntiAffinity: any }),
  nodeSelector: texts,
  tolerations: list(
    strict({ key: text, operator: text, value: text, effect: text, tolerationSeconds: { type: 'integer' } }),
  ),
  podAnnotations: texts,
  podLabels: texts,
  extraInitContainers: list(any),
  extraContainers: list(any),
  extraVolumes: list(any),
  extraVolumeMounts: list(any),
  'networkPolicy.httpFrom': list(peer),
  'networkPolicy.adminFrom': list(peer),
  'networkPolicy.egress': { type: ['array', 'null'], items: strict({ to: list(peer), ports: list(any) }) },
  'serviceMonitor.labels': texts,
  'serviceMonitor.tlsConfig': any,
  'serviceMonitor.authorization': any,
  'serviceMonitor.relabelings': list(any),
  'serviceMonitor.metricRelabelings': list(any),
  'podMonitor.labels': texts,
  'podMonitor.tlsConfig': any,
  'podMonitor.authorization': any,
  'podMonitor.relabelings': list(any),
  'podMonitor.metricRelabelings': list(any),
  'prometheusRule.labels': texts,
  'prometheusRule.alertLabels': texts,
  'prometheusRule.except': list(named),
  'dashboards.labels': texts,
  'dashboards.annotations': texts,
  'tests.tokenSecret.key': named,
  'tests.records': list(any),
  extraObjects: list({ type: ['object', 'string'] }),
};

/** Keys that only the template refuses, with a message that says what to write instead. */
export const explained: JsonObject = {
  lifecycle: { description: 'Set by the chart: see preStopSeconds.', type: 'object' },
};

/** Keys that Helm adds to the values of a chart that is a dependency of another one. */
export const undefaulted: JsonObject = {
  global: { description: 'Values of all charts of a release; Millrace uses none.', type: 'object' },
  enabled: { description: 'For the condition of a chart that depends on this one; not used here.', type: 'boolean' },
};
