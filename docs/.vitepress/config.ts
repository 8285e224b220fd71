// The site of the documentation: the pages of the repository as they are, with a search that needs no server.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';

const grammar = JSON.parse(
  readFileSync(new URL('../../editors/vscode/syntaxes/relay.tmLanguage.json', import.meta.url), 'utf8'),
);

const installed = (file: string): string =>
  fileURLToPath(new URL(`../node_modules/${file}`, import.meta.url));

const page = (text: string, link: string) => ({ text, link: `/docs/${link}` });

export default defineConfig({
  title: 'Relay',
  description: 'Small services at home, callable from anywhere in a federation',
  // Pages link to the examples and to pages beside this folder, so all of the repository is the source.
  srcDir: '..',
  srcExclude: ['**/node_modules/**', 'packages/**', 'editors/**', 'test/**', 'bench/**', 'deploy/**'],
  outDir: './.vitepress/dist',
  rewrites: { 'README.md': 'index.md' },
  // Links to files of the repository that are no pages; the project's own tests check that they exist.
  ignoreDeadLinks: [/\.(?:ts|rl|sh|json|yaml|yml)$/, /LICENSE$/, /^(?:\.\/|\/)?examples\/[\w-]+\/?$/],
  lastUpdated: false,
  vite: {
    resolve: {
      // Pages that lie above this folder find what it has installed.
      alias: [
        { find: /^vue$/, replacement: installed('vue/dist/vue.runtime.esm-bundler.js') },
        { find: /^vue\/server-renderer$/, replacement: installed('vue/server-renderer/index.mjs') },
      ],
    },
  },
  markdown: {
    languages: [{ ...grammar, name: 'relay' }],
    config: (markdown) => {
      const fence = markdown.renderer.rules.fence;
      markdown.renderer.rules.fence = (tokens, index, options, env, self) => {
        const token = tokens[index];
        if (token?.info.trim() === 'mermaid') {
          return `<pre v-pre class="mermaid">${markdown.utils.escapeHtml(token.content)}</pre>\n`;
        }
        return fence?.(tokens, index, options, env, self) ?? '';
      };
    },
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      { text: 'Pages', link: '/docs/' },
      { text: 'Examples', link: '/examples/README' },
    ],
    sidebar: [
      {
        text: 'Begin',
        items: [
          page('Quickstart', 'federation-quickstart'),
          page('Tour of the language', 'language-tour'),
          page('Troubleshooting', 'troubleshooting'),
        ],
      },
      {
        text: 'Write services',
        items: [
          page('The language', 'language'),
          page('Diagnostics', 'diagnostics'),
          page('Pages', 'pages'),
          page('State', 'state'),
          page('TypeScript', 'typescript-services'),
          page('Editors', 'editors'),
          { text: 'Examples', link: '/examples/README' },
        ],
      },
      {
        text: 'Run nodes',
        items: [
          page('Deployment', 'deployment'),
          page('Peers', 'peers'),
          page('Load balancing', 'load-balancing'),
          page('Observability', 'observability'),
          page('Runbooks', 'runbooks/'),
          page('From the earlier mesh', 'migration'),
        ],
      },
      {
        text: 'Look up',
        items: [
          page('The relay command', 'cli'),
          page('HTTP and JSON-RPC', 'http-api'),
          page('Failures', 'errors'),
          page('Wire protocol', 'protocol'),
        ],
      },
      {
        text: 'Understand',
        items: [
          page('How it works', 'architecture'),
          page('Performance', 'performance'),
          page('Decisions', 'decisions'),
        ],
      },
    ],
  },
});
