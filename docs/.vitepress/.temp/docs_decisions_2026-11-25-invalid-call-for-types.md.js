import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"A wrong type is INVALID_CALL","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-invalid-call-for-types.md","filePath":"docs/decisions/2026-11-25-invalid-call-for-types.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-invalid-call-for-types.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="a-wrong-type-is-invalid-call" tabindex="-1">A wrong type is <code>INVALID_CALL</code> <a class="header-anchor" href="#a-wrong-type-is-invalid-call" aria-label="Permalink to &quot;A wrong type is \`INVALID_CALL\`&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> Users would have two classes to look for.</p><p><strong>Decision.</strong> A payload of the wrong type is <code>INVALID_CALL</code>, with the TypeError as its <code>cause</code>.</p><p><strong>Consequence.</strong> There is one class and one place to look at.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-invalid-call-for-types.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125InvalidCallForTypes = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125InvalidCallForTypes as default
};
