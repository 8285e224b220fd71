// k8s/ and compose.yaml without a cluster: every object against the schemas of Kubernetes, and what both say of nodes against what the
// command and the images have.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';
import { readInvocation } from '../../packages/cli/src/invocation.ts';
import { runInProcess } from '../../packages/cli/src/testing.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  // biome-ignore lint/suspicious/noExplicitAny: the compiler checks what is in here, see `schemaProblems`.
  readonly spec: any;
  readonly data?: Readonly<Record<string, string>>;
}

function read(file: string): readonly Manifest[] {
  return parseAllDocuments(readFileSync(path.join(ROOT, 'k8s', file), 'utf8')).map((document) => {
    assert.deepEqual(document.errors, [], file);
    return document.toJS() as Manifest;
  });
}

const resources = (
  parse(readFileSync(path.join(ROOT, 'k8s/kustomization.yaml'), 'utf8')) as { resources: string[] }
).resources;
const manifests = resources.flatMap(read);

function named(kind: string, name: string): Manifest {
  const found = manifests.find((each) => each.kind === kind && each.metadata.name === name);
  assert.ok(found !== undefined, `${kind} ${name}`);
  return found;
}

/** What the compiler says of objects that stand where the types of Kubernetes are wanted; unknown fields are errors, too. */
function schemaProblems(objects: readonly Manifest[]): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'relay-manifests-'));
  try {
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'), 'dir');
    const lines = objects.flatMap(({ apiVersion, kind }, index) => [
      `import type { ${kind} as Kind${index} } from 'kubernetes-types/${apiVersion === 'v1' ? 'core/v1' : apiVersion.replace(/\.k8s\.io\b/, '')}';`,
      `export const object${index}: Kind${index} = ${JSON.stringify(objects[index], null, 1)};`,
    ]);
    writeFileSync(path.join(folder, 'manifests.ts'), lines.join('\n'));
    const { stdout, error } = spawnSync(
      process.execPath,
      [
        path.join(ROOT, 'node_modules/typescript/bin/tsc'),
        ...['--noEmit', '--strict', '--skipLibCheck', '--types', '', '--ignoreConfig'],
        ...['--module', 'preserve', '--moduleResolution', 'bundler', 'manifests.ts'],
      ],
      { cwd: folder, encoding: 'utf8' },
    );
    assert.equal(error, undefined);
    return stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('the manifests for Kubernetes', () => {
  it('have nothing that the schemas of Kubernetes do not know', () => {
    assert.equal(schemaProblems(manifests), '');
  });

  it('would be refused with a wrong type, an unknown field or a missing one', () => {
    const broken = (change: (spec: Manifest['spec']) => void): string => {
      const copy = structuredClone(named('StatefulSet', 'relay-main'));
      change(copy.spec);
      return schemaProblems([copy]);
    };
    assert.match(
      broken((spec) => Object.assign(spec, { replicas: 'three' })),
      /TS2322/,
    );
    assert.match(
      broken((spec) => Object.assign(spec, { replica: 3 })),
      /TS2353.*replica/,
    );
    assert.match(
      broken((spec) => delete spec.selector),
      /selector/,
    );
    assert.match(
      broken((spec) => Object.assign(spec.template.spec.containers[0].livenessProbe, { httpget: {} })),
      /TS\d+.*httpget/s,
    );
  });

  it('are all in the kustomization, and kubectl builds it', (context) => {
    const files = readdirSync(path.join(ROOT, 'k8s')).filter((file) => file !== 'kustomization.yaml');
    assert.deepEqual(resources.toSorted(), files.toSorted());
    if (spawnSync('kubectl', ['version', '--client']).error !== undefined) {
      context.skip('kubectl is missing');
      return;
    }
    const { status, stdout, stderr } = spawnSync('kubectl', ['kustomize', 'k8s'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    const built = parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
    const names = (list: readonly Manifest[]) =>
      list.map(({ kind, metadata }) => `${kind}/${metadata.name}`).toSorted();
    assert.deepEqual(names(built), names(manifests));
    assert.equal(schemaProblems(built), '');
  });

  it('start nodes by lines that the command understands', () => {
    for (const [kind, name, role] of [
      ['StatefulSet', 'relay-main', 'main'],
      ['Deployment', 'relay-home', 'home'],
    ] as const) {
      const { args } = named(kind, name).spec.template.spec.containers[0] as { args: string[] };
      const words = args.map((word) =>
        word.replace('$(POD_NAME)', 'relay-main-0').replace('$(POD_NAMESPACE)', 'relay'),
      );
      const invocation = readInvocation(words, {});
      assert.equal(invocation.kind === 'serve' && invocation.role, role);
    }
  });

  it('let a Home dial each Main by its own name, since it knows a Main by its key', () => {
    const { replicas, serviceName } = named('StatefulSet', 'relay-main').spec;
    const { args } = named('Deployment', 'relay-home').spec.template.spec.containers[0] as { args: string[] };
    const dialled = [...args.join(' ').matchAll(/ws:\/\/([^:]+):8080/g)].map((match) => match[1]);
    assert.deepEqual(
      dialled,
      Array.from({ length: replicas }, (_, index) => `relay-main-${index}.${serviceName}`),
    );
  });

  it('let a Main drain: first nobody is sent there, then there is time for its sessions and calls', () => {
    const { spec } = named('StatefulSet', 'relay-main').spec.template;
    const [container] = spec.containers;
    const drainSeconds = 30;
    const lastCallsSeconds = 10;
    assert.ok(
      spec.terminationGracePeriodSeconds >=
        container.lifecycle.preStop.sleep.seconds + drainSeconds + lastCallsSeconds + 5,
    );
    assert.equal(container.readinessProbe.httpGet.path, '/ready');
    assert.equal(container.livenessProbe.httpGet.path, '/live');
  });

  it('select what they name: labels, ports, the service of the set, the target of the autoscaler', () => {
    const set = named('StatefulSet', 'relay-main');
    const { labels } = set.spec.template.metadata;
    const selectors = [
      set.spec.selector.matchLabels,
      named('PodDisruptionBudget', 'relay-main').spec.selector.matchLabels,
      named('NetworkPolicy', 'relay-main').spec.podSelector.matchLabels,
      ...['relay-main', 'relay-main-peers'].map((name) => named('Service', name).spec.selector),
    ];
    for (const selector of selectors) {
      for (const [label, value] of Object.entries(selector)) assert.equal(labels[label], value, label);
    }
    const [{ ports }] = set.spec.template.spec.containers;
    for (const name of ['relay-main', 'relay-main-peers']) {
      for (const { targetPort } of named('Service', name).spec.ports) {
        assert.ok(
          ports.some((port: { name: string }) => port.name === targetPort),
          targetPort,
        );
      }
    }
    assert.equal(named('Service', set.spec.serviceName).spec.clusterIP, 'None');
    const { kind, name } = named('HorizontalPodAutoscaler', 'relay-main').spec.scaleTargetRef;
    assert.ok(named(kind, name) === set);
  });

  it('bring programs that pass `relay check`, and a Home whose program is there', async () => {
    const { data = {} } = named('ConfigMap', 'relay-home-program');
    const folder = mkdtempSync(path.join(os.tmpdir(), 'relay-program-'));
    try {
      for (const [file, text] of Object.entries(data)) {
        writeFileSync(path.join(folder, file), text);
        const { code, err, out } = await runInProcess(['check', path.join(folder, file)]);
        assert.equal(code, 0, `${file}: ${out}${err}`);
      }
      assert.ok(Object.keys(data).length > 0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    const [program = ''] = named('Deployment', 'relay-home').spec.template.spec.containers[0].args;
    assert.ok(program in data || existsSync(path.join(ROOT, 'examples', program)), program);
  });

  it('run without root, without a writable root file system and without capabilities', () => {
    for (const [kind, name] of [
      ['StatefulSet', 'relay-main'],
      ['Deployment', 'relay-home'],
    ] as const) {
      const { securityContext, automountServiceAccountToken, containers } = named(kind, name).spec.template
        .spec;
      assert.equal(securityContext.runAsNonRoot, true);
      assert.equal(automountServiceAccountToken, false);
      for (const container of containers) {
        assert.deepEqual(container.securityContext, {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
      }
    }
  });
});

interface ComposeService {
  readonly image: string;
  readonly command?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: readonly string[];
  readonly read_only?: boolean;
}

describe('compose.yaml', () => {
  const compose = parse(readFileSync(path.join(ROOT, 'compose.yaml'), 'utf8'), { merge: true }) as {
    readonly services: Readonly<Record<string, ComposeService>>;
    readonly volumes: Readonly<Record<string, unknown>>;
  };
  const services = Object.entries(compose.services);

  it('starts nodes by lines that the command understands, each dialling a service that is there', () => {
    const nodes = services.filter(([, { image }]) => /^relay-(?:main|home):/.test(image));
    assert.equal(nodes.length, 4);
    for (const [name, { image, command = [], read_only: isReadOnly }] of nodes) {
      const invocation = readInvocation(command, {});
      assert.equal(invocation.kind === 'serve' && `relay-${invocation.role}:latest`, image, name);
      for (const [, host = ''] of command.join(' ').matchAll(/ws:\/\/([\w-]+)/g))
        assert.ok(host in compose.services, host);
      assert.equal(isReadOnly, true, name);
    }
  });

  it('mounts volumes that are declared and folders that exist', () => {
    for (const [name, { volumes = [], depends_on: needed = [] }] of services) {
      for (const other of needed) assert.ok(other in compose.services, other);
      for (const volume of volumes) {
        const [source = ''] = volume.split(':');
        if (source.startsWith('.')) assert.ok(existsSync(path.join(ROOT, source)), `${name}: ${source}`);
        else assert.ok(source in compose.volumes, `${name}: ${source}`);
      }
    }
  });
});
