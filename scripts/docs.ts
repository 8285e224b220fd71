// Builds the site of the documentation: scripts/run scripts/docs.ts [--serve]
// The generator is installed on first use only, into docs/node_modules, so that the project itself stays small.
// Not by `npm ci`: it refuses a lock file that was written where the packages of other platforms could not be had.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

const folder = path.join(import.meta.dirname, '../docs');
const generator = path.join(folder, 'node_modules/vitepress/bin/vitepress.js');

function run(command: string, args: readonly string[]): void {
  const { status, error } = spawnSync(command, args, { cwd: folder, stdio: 'inherit' });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

if (!existsSync(generator)) run('npm', ['install', '--no-save', '--no-audit', '--no-fund']);
run(process.execPath, [generator, 'build', '.']);
if (process.argv.includes('--serve')) run(process.execPath, [generator, 'preview', '.']);
else console.log(`The site is in ${path.join(folder, '.vitepress/dist')}; npm run docs -- --serve shows it`);
