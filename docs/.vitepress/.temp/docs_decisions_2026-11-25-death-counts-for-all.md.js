import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"A death counts for all that the worker held","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-death-counts-for-all.md","filePath":"docs/decisions/2026-11-25-death-counts-for-all.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-death-counts-for-all.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="a-death-counts-for-all-that-the-worker-held" tabindex="-1">A death counts for all that the worker held <a class="header-anchor" href="#a-death-counts-for-all-that-the-worker-held" aria-label="Permalink to &quot;A death counts for all that the worker held&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> Nobody knows which message killed the worker.</p><p><strong>Decision.</strong> All of them count one death. A message on its last life goes alone.</p><p><strong>Consequence.</strong> In the end only the killer is given up.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-death-counts-for-all.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125DeathCountsForAll = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125DeathCountsForAll as default
};
