import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse(`{"title":"A server's counters are in its cache","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-counters-in-the-cache.md","filePath":"docs/decisions/2026-11-25-counters-in-the-cache.md"}`);
const _sfc_main = { name: "docs/decisions/2026-11-25-counters-in-the-cache.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="a-server-s-counters-are-in-its-cache" tabindex="-1">A server&#39;s counters are in its cache <a class="header-anchor" href="#a-server-s-counters-are-in-its-cache" aria-label="Permalink to &quot;A server&#39;s counters are in its cache&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> Operators need a way to see how a server is.</p><p><strong>Decision.</strong> The key <code>frond_status</code> has it.</p><p><strong>Consequence.</strong> A client that can reach the server can read it with what it has.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-counters-in-the-cache.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125CountersInTheCache = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125CountersInTheCache as default
};
