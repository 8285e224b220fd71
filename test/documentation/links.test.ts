// Pages lead to pages and headings that exist, every page can be found from the index, every alert has its runbook.

import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { ROOT } from './page.ts';

const PAGES = globSync(['*.md', 'docs/*.md', 'docs/runbooks/*.md', 'examples/*.md', 'examples/*/README.md'], {
  cwd: ROOT,
}).toSorted();

function textOf(page: string): string {
  return readFileSync(path.join(ROOT, page), 'utf8').replace(/^```[\s\S]*?^```$/gm, '');
}

/** As GitHub and the site make them: lower case, without punctuation, with hyphens. */
function anchorsOf(page: string): Set<string> {
  const headings = [...textOf(page).matchAll(/^#+ (.*)$/gm)].map(([, text = '']) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-'),
  );
  return new Set(headings);
}

function linksOf(page: string): string[] {
  const links = [...textOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  return links.filter((link) => !/^[a-z]+:/.test(link));
}

function brokenLinks(page: string): string[] {
  return linksOf(page).filter((link) => {
    const [file = '', anchor] = link.split('#');
    const target = file === '' ? page : path.join(path.dirname(page), file);
    if (!existsSync(path.join(ROOT, target))) return true;
    return anchor !== undefined && target.endsWith('.md') && !anchorsOf(target).has(anchor);
  });
}

describe('links', () => {
  for (const page of PAGES) {
    it(`of ${page} lead somewhere`, () => assert.deepEqual(brokenLinks(page), []));
  }

  it('of the index lead to every page', () => {
    const linked = new Set(
      linksOf('docs/index.md').map((link) => path.join('docs', link.split('#')[0] ?? '')),
    );
    const pages = PAGES.filter((page) => /^docs\/[^/]+\.md$/.test(page) && page !== 'docs/index.md');
    assert.deepEqual(
      pages.filter((page) => !linked.has(page)),
      [],
    );
  });

  it('of the runbooks lead to every runbook', () => {
    const linked = new Set(linksOf('docs/runbooks/index.md').map((link) => path.join('docs/runbooks', link)));
    const pages = PAGES.filter((page) => page.startsWith('docs/runbooks/') && !page.endsWith('index.md'));
    assert.deepEqual(
      pages.filter((page) => !linked.has(page)),
      [],
    );
  });
});

const RULES = path.join(ROOT, 'deploy/prometheus/rules.yml');

describe('alerts', { skip: !existsSync(RULES) && 'there are none' }, () => {
  it('have a runbook each, which names them', () => {
    const rules = existsSync(RULES) ? readFileSync(RULES, 'utf8') : '';
    const alerts = [...rules.matchAll(/- alert: (\w+)[\s\S]*?runbook_url: (\S+)/g)];
    assert.ok(alerts.length > 0);
    assert.equal(alerts.length, rules.split('- alert:').length - 1);
    for (const [, alert = '', runbook = ''] of alerts) {
      const page = path.join(ROOT, /docs\/runbooks\/[a-z-]+\.md/.exec(runbook)?.[0] ?? 'missing');
      assert.ok(existsSync(page), `${alert}: ${runbook}`);
      assert.ok(readFileSync(page, 'utf8').includes(`\`${alert}\``), `${runbook} does not name ${alert}`);
    }
  });
});
