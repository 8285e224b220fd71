// The default theme, which draws the diagrams of a page once it is shown. What draws them is a file of the site, not bundled: that
// would take the most of a build, and few pages have diagrams.

import mermaidUrl from 'mermaid/dist/mermaid.min.js?url';
import { type Theme, useData, useRoute } from 'vitepress';
import DefaultTheme from 'vitepress/theme';
import { nextTick, onMounted, watch } from 'vue';

interface Mermaid {
  initialize(options: { readonly startOnLoad: boolean; readonly theme: string }): void;
  run(options: { readonly nodes: readonly HTMLElement[] }): Promise<void>;
}

let loading: Promise<Mermaid> | undefined;

function loadMermaid(): Promise<Mermaid> {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = mermaidUrl;
    script.onload = () => resolve((globalThis as unknown as { readonly mermaid: Mermaid }).mermaid);
    script.onerror = reject;
    document.head.append(script);
  });
  return loading;
}

async function drawDiagrams(isDark: boolean): Promise<void> {
  const nodes = [...document.querySelectorAll<HTMLElement>('pre.mermaid:not([data-processed])')];
  if (nodes.length === 0) return;
  const mermaid = await loadMermaid();
  mermaid.initialize({ startOnLoad: false, theme: isDark ? 'dark' : 'default' });
  await mermaid.run({ nodes });
}

export default {
  extends: DefaultTheme,
  setup() {
    const route = useRoute();
    const { isDark } = useData();
    const draw = async (): Promise<void> => {
      await nextTick();
      await drawDiagrams(isDark.value);
    };
    onMounted(draw);
    watch(() => route.path, draw);
  },
} satisfies Theme;
