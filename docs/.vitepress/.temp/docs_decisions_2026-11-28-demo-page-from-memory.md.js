import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse(`{"title":"The demo's page is served from memory","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-demo-page-from-memory.md","filePath":"docs/decisions/2026-11-28-demo-page-from-memory.md"}`);
const _sfc_main = { name: "docs/decisions/2026-11-28-demo-page-from-memory.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="the-demo-s-page-is-served-from-memory" tabindex="-1">The demo&#39;s page is served from memory <a class="header-anchor" href="#the-demo-s-page-is-served-from-memory" aria-label="Permalink to &quot;The demo&#39;s page is served from memory&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> A server of files opens one for each request: a client that resets leaves it open, and without descriptors opening fails in an event that ends the process.</p><p><strong>Decision.</strong> The files are read when the demo starts.</p><p><strong>Consequence.</strong> No client can have a file opened. A new build shows after a restart of the demo.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-demo-page-from-memory.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128DemoPageFromMemory = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128DemoPageFromMemory as default
};
