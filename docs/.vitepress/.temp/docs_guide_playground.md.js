import { ssrRenderAttrs, ssrRenderAttr } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const _imports_0 = "/assets/job-dark-1440.g99hHbUI.png";
const _imports_1 = "/assets/job-light-1440.BhppC_sJ.png";
const __pageData = JSON.parse('{"title":"The playground","description":"","frontmatter":{},"headers":[],"relativePath":"docs/guide/playground.md","filePath":"docs/guide/playground.md"}');
const _sfc_main = { name: "docs/guide/playground.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="the-playground" tabindex="-1">The playground <a class="header-anchor" href="#the-playground" aria-label="Permalink to &quot;The playground&quot;">​</a></h1><p>The playground is a page to try everything, with a cluster that runs in the page: a Server, a Master with three Workers, a Pipeline and a Sink on the memory transport. <code>npm start</code> in a checkout, or <code>npx frond demo</code>, opens it on a real cluster.</p><p>It</p><ul><li>calls functions and pipelines, with payloads as text, JSON, MessagePack or hex;</li><li>streams jobs and maps over numbers, words or the lines of a file, and draws their rate and latency as they run;</li><li>reads and writes the cache;</li><li>shows every envelope decoded, and saves captures;</li><li>draws the cluster, and the messages that move through it;</li><li>kills and slows workers, and cuts connections;</li><li>shows the code for each of these, for browsers, Node and Deno, ready to copy.</li></ul><picture><source media="(prefers-color-scheme: dark)"${ssrRenderAttr("srcset", _imports_0)}><img alt="A job in the playground: progress, results a second and latency as charts, the last results, messages moving between page, Master and Workers"${ssrRenderAttr("src", _imports_1)}></picture><p>A link to the page reproduces what is written in its fields, up to 2,000 characters each.</p><p><strong>Through a relay.</strong> <code>#relay=wss://relay.example/&amp;token=…&amp;server=demo&amp;servers=demo,second</code> behind its address connects it. What stands behind the <code>#</code> is sent to no server. The token is left out of links that you copy, unless you ask for it.</p><p><strong>On a site of your own.</strong> The page is static files in <code>dist/playground</code>. It loads nothing from elsewhere, keeps to a policy without exceptions (<code>script-src &#39;self&#39;</code>, <code>style-src &#39;self&#39;</code>, <code>require-trusted-types-for &#39;script&#39;</code>), and weighs 129 KiB compressed.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/guide/playground.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const playground = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  playground as default
};
