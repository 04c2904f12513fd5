import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"A page loads what it uses","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-page-loads-what-it-uses.md","filePath":"docs/decisions/2026-11-28-page-loads-what-it-uses.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-page-loads-what-it-uses.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="a-page-loads-what-it-uses" tabindex="-1">A page loads what it uses <a class="header-anchor" href="#a-page-loads-what-it-uses" aria-label="Permalink to &quot;A page loads what it uses&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> Most pages call <code>eval</code> alone. What parts share has to be exported to each, and bundlers then cut what is loaded first into more files.</p><p><strong>Decision.</strong> <code>src/client/later.ts</code> is one part with all that a client needs beyond <code>eval</code>: jobs, maps, the cache&#39;s calls, and following a server.</p><p><strong>Consequence.</strong> <code>Loader</code> runs calls in the order in which they were made.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-page-loads-what-it-uses.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128PageLoadsWhatItUses = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128PageLoadsWhatItUses as default
};
