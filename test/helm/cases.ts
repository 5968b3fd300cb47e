import type { Values } from './helm.ts';

const orders = { enrich: [{ lookup: 'customer', with: { id: '/customerId' }, into: '/customer' }] };

/** A configuration that replaces the example, with a secret in a file. */
export const ownConfig = {
  server: { drainTimeout: '90s', limits: { lineBytes: 1_000_000 } },
  lookups: {
    customer: {
      http: {
        url: 'http://127.0.0.1:9000/customers/{id}',
        auth: { bearer: '${file:/run/secrets/millrace/token}' },
      },
      timeout: '500ms',
    },
  },
  pipelines: { orders: { ...orders, capacity: 1_000_000 } },
};

/** Sets of values. Each one uses another part of the chart. */
export const cases: Readonly<Record<string, Values>> = {
  defaults: {},
  'a configuration of its own': { config: ownConfig, existingSecret: 'crm' },
  'an existing ConfigMap': { existingConfigMap: 'mine', tests: { pipeline: 'orders' }, podAnnotations: { a: 'b' } },
  'files beside a text': {
    configFile:
      'lookups:\n  customer: { table: { file: customers.csv, key: id } }\npipelines:\n' +
      '  orders: { enrich: [{ lookup: customer, with: { id: /customerId }, into: /customer }] }\n',
    files: { 'customers.csv': 'id,name\n7,Ada\n' },
  },
  'one pod with nothing around it': {
    replicaCount: 1,
    preStopSeconds: 0,
    podDisruptionBudget: { enabled: false },
    topologySpreadConstraints: [],
    serviceAccount: { create: false },
    tests: { enabled: false },
    updateStrategy: { type: 'Recreate', rollingUpdate: null },
    configChecksum: false,
  },
  'scaled by CPU': { autoscaling: { enabled: true } },
  'scaled by utilisation': {
    autoscaling: { enabled: true, cpu: { averageUtilization: 0 }, utilization: { averageValue: '700m' } },
    podDisruptionBudget: { minAvailable: '50%', maxUnavailable: '' },
  },
  'scaled by KEDA': {
    keda: {
      enabled: true,
      prometheus: { serverAddress: 'http://prometheus:9090', authenticationRef: { name: 'prometheus' } },
      triggers: [{ type: 'cpu', metricType: 'Utilization', metadata: { value: '75' } }],
    },
  },
  'behind an Ingress': { ingress: { enabled: true, hosts: ['a.example', 'b.example'], tls: [{ secretName: 'cert' }] } },
  'behind a Gateway': {
    httpRoute: {
      enabled: true,
      parentRefs: [{ name: 'gateway', namespace: 'edge', sectionName: 'https' }],
      hostnames: ['millrace.example'],
      filters: [{ type: 'RequestHeaderModifier', requestHeaderModifier: { remove: ['x-internal'] } }],
    },
  },
  'with a ServiceMonitor': {
    serviceMonitor: {
      enabled: true,
      labels: { release: 'prometheus' },
      interval: '15s',
      scrapeTimeout: '10s',
      relabelings: [{ action: 'labeldrop', regex: 'pod_ip' }],
      metricRelabelings: [{ action: 'drop', sourceLabels: ['__name__'], regex: 'nodejs_.*' }],
    },
  },
  'with a PodMonitor': { podMonitor: { enabled: true } },
  'with alerts and dashboards': {
    prometheusRule: {
      enabled: true,
      labels: { release: 'prometheus' },
      alertLabels: { team: 'streams' },
      runbookBase: 'https://git.example/',
    },
    dashboards: { enabled: true, annotations: { grafana_folder: 'Streams' } },
  },
  'closed to the network': {
    networkPolicy: {
      enabled: true,
      httpFrom: [{ podSelector: { matchLabels: { app: 'orders' } } }],
      adminFrom: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
      egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/8' } }], ports: [{ protocol: 'TCP', port: 443 }] }],
    },
  },
  'with TLS': {
    tls: {
      secretName: 'millrace-tls',
      clientCa: { configMapName: 'trust', key: 'bundle.pem' },
      certManager: { enabled: true, issuerRef: { name: 'internal', kind: 'ClusterIssuer' }, dnsNames: ['a.example'] },
    },
    config: { ...ownConfig, server: { admin: { auth: { bearerTokens: ['${file:/run/secrets/millrace/admin}'] } } } },
    existingSecret: 'crm',
    ingress: { enabled: true, hosts: ['a.example'] },
    serviceMonitor: {
      enabled: true,
      authorization: { credentials: { name: 'crm', key: 'admin' } },
      tlsConfig: {
        cert: { secret: { name: 'prometheus-client', key: 'tls.crt' } },
        keySecret: { name: 'prometheus-client', key: 'tls.key' },
      },
    },
    tests: { clientSecretName: 'test-client', tokenSecret: { name: 'crm', key: 'client' } },
  },
  'with TLS and pods that are scraped': {
    tls: { secretName: 'millrace-tls', clientCa: { secretName: 'client-authorities' } },
    podMonitor: { enabled: true },
  },
  'open to the network': { networkPolicy: { enabled: true } },
  'everything a pod can have': {
    nameOverride: 'stream',
    fullnameOverride: 'streams',
    commonLabels: { team: 'streams' },
    image: { repository: 'registry.example/millrace', digest: `sha256:${'0'.repeat(64)}`, pullPolicy: 'Always' },
    imagePullSecrets: [{ name: 'registry' }],
    ports: { http: 9080, admin: 9081 },
    extraArgs: ['--log-level', 'debug'],
    extraEnv: [
      { name: 'REGION', value: 'north' },
      { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'crm', key: 'token' } } },
    ],
    extraEnvFrom: [{ prefix: 'CRM_', secretRef: { name: 'crm' } }],
    resources: { limits: { cpu: 2, memory: '1Gi' }, requests: { cpu: 1 } },
    terminationGracePeriodSeconds: 600,
    serviceAccount: { name: 'streams', annotations: { 'iam.example/role': 'reader' } },
    service: {
      type: 'LoadBalancer',
      port: 8080,
      nodePort: 30_080,
      externalTrafficPolicy: 'Local',
      annotations: { 'lb.example/idle-timeout': '3600' },
    },
    affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
    nodeSelector: { 'kubernetes.io/arch': 'amd64' },
    tolerations: [{ key: 'streams', operator: 'Exists', effect: 'NoSchedule' }],
    priorityClassName: 'high',
    runtimeClassName: 'gvisor',
    hostAliases: [{ ip: '10.0.0.7', hostnames: ['crm.internal'] }],
    commonAnnotations: { 'example/owner': 'streams' },
    podAnnotations: { 'example/a': 'b' },
    podLabels: { 'example/c': 'd' },
    topologySpreadConstraints: [
      {
        maxSkew: 2,
        topologyKey: 'kubernetes.io/hostname',
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector: { matchLabels: { own: 'selector' } },
      },
    ],
    extraInitContainers: [{ name: 'first', image: 'registry.example/first' }],
    extraContainers: [{ name: 'beside', image: 'registry.example/beside' }],
    extraVolumes: [{ name: 'modules', persistentVolumeClaim: { claimName: 'modules' } }],
    extraVolumeMounts: [{ name: 'modules', mountPath: '/modules', readOnly: true }],
    extraObjects: [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: '{{ .Release.Name }}-map' }, data: { a: 'b' } },
      'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ include "millrace.fullname" . }}-text\ndata: { c: d }\n',
    ],
  },
};
