import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Verdicts are kept once for a relay","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-verdicts-are-shared.md","filePath":"docs/decisions/2026-11-28-verdicts-are-shared.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-verdicts-are-shared.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="verdicts-are-kept-once-for-a-relay" tabindex="-1">Verdicts are kept once for a relay <a class="header-anchor" href="#verdicts-are-kept-once-for-a-relay" aria-label="Permalink to &quot;Verdicts are kept once for a relay&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> 200 clients with 256 paths of 4 kB each made a relay grow by 205 MiB.</p><p><strong>Decision.</strong> Verdicts are kept by what the grants are, not by connection. Only calls that pass are remembered, 1 MiB of them. A path of more than 512 characters is judged each time.</p><p><strong>Consequence.</strong> The relay grows by 0.5 MiB now, and nobody fills it with what is not granted.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-verdicts-are-shared.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128VerdictsAreShared = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128VerdictsAreShared as default
};
