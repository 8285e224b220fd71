// The site that `npm run docs` has built, in a real browser that reaches nothing else: pages, diagrams and search work offline.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { describe, it } from 'node:test';
import { chromium } from 'playwright-core';
import { ROOT } from './page.ts';

const SITE = path.join(ROOT, 'docs/.vitepress/dist');
const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
};

function whyNot(): string | false {
  if (!existsSync(path.join(SITE, 'index.html'))) return 'the site is not built (npm run docs)';
  return existsSync(CHROMIUM) ? false : `${CHROMIUM} is not installed (Debian: chromium)`;
}

async function serveSite() {
  const server = createServer((request, response) => {
    const file = path.join(SITE, path.normalize((request.url ?? '/').replace(/\?.*$/, '')));
    const found = [file, path.join(file, 'index.html'), `${file}.html`].find(
      (candidate) => path.extname(candidate) !== '' && existsSync(candidate),
    );
    if (found === undefined) response.writeHead(404).end();
    else
      response
        .setHeader('content-type', TYPES[path.extname(found)] ?? 'application/octet-stream')
        .end(readFileSync(found));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.dispose]: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

describe('the site of the documentation', { skip: whyNot() }, () => {
  it('shows pages, draws diagrams and finds words without any other host', async () => {
    using site = await serveSite();
    await using browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
    const page = await browser.newPage();
    const elsewhere: string[] = [];
    const problems: string[] = [];
    page.on('request', (request) => {
      if (!request.url().startsWith(site.origin) && !/^(?:data|blob):/.test(request.url())) {
        elsewhere.push(request.url());
      }
    });
    page.on('pageerror', (error) => problems.push(String(error)));

    await page.goto(`${site.origin}/docs/architecture.html`);
    await page.waitForSelector('pre.mermaid svg', { timeout: 30_000 });
    await page.waitForFunction("document.querySelectorAll('pre.mermaid svg').length >= 7");

    await page.goto(`${site.origin}/docs/federation-quickstart.html`);
    await page.locator('.VPNavBarSearch button').first().click();
    await page.locator('#localsearch-input').fill('invitation is used up');
    await page.locator('#localsearch-list a[href*="troubleshooting"]').first().click();
    await page.waitForURL(/troubleshooting/);

    assert.deepEqual(elsewhere, []);
    assert.deepEqual(problems, []);
  });
});
