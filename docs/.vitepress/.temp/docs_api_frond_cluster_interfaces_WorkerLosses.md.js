import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: WorkerLosses","description":"","frontmatter":{},"headers":[],"relativePath":"docs/api/frond/cluster/interfaces/WorkerLosses.md","filePath":"docs/api/frond/cluster/interfaces/WorkerLosses.md"}');
const _sfc_main = { name: "docs/api/frond/cluster/interfaces/WorkerLosses.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-workerlosses" tabindex="-1">Interface: WorkerLosses <a class="header-anchor" href="#interface-workerlosses" aria-label="Permalink to &quot;Interface: WorkerLosses&quot;">​</a></h1><p>What dying workers came to so far.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><h3 id="givenup" tabindex="-1">givenUp <a class="header-anchor" href="#givenup" aria-label="Permalink to &quot;givenUp&quot;">​</a></h3><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light github-dark vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;">readonly </span><span style="--shiki-light:#6F42C1;--shiki-dark:#B392F0;">givenUp</span><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;">: number;</span></span></code></pre></div><p>Messages that were given up and answered as failed.</p><hr><h3 id="redelivered" tabindex="-1">redelivered <a class="header-anchor" href="#redelivered" aria-label="Permalink to &quot;redelivered&quot;">​</a></h3><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light github-dark vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;">readonly </span><span style="--shiki-light:#6F42C1;--shiki-dark:#B392F0;">redelivered</span><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;">: number;</span></span></code></pre></div><p>Times that a message was handed over anew for that.</p><hr><h3 id="workers" tabindex="-1">workers <a class="header-anchor" href="#workers" aria-label="Permalink to &quot;workers&quot;">​</a></h3><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light github-dark vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;">readonly </span><span style="--shiki-light:#6F42C1;--shiki-dark:#B392F0;">workers</span><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;">: number;</span></span></code></pre></div><p>Workers that were taken for dead.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/api/frond/cluster/interfaces/WorkerLosses.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const WorkerLosses = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  WorkerLosses as default
};
