import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"The CommonJS build has the same declarations","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-commonjs-types.md","filePath":"docs/decisions/2026-11-25-commonjs-types.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-commonjs-types.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="the-commonjs-build-has-the-same-declarations" tabindex="-1">The CommonJS build has the same declarations <a class="header-anchor" href="#the-commonjs-build-has-the-same-declarations" aria-label="Permalink to &quot;The CommonJS build has the same declarations&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> TypeScript reads declarations by the <code>package.json</code> above them.</p><p><strong>Decision.</strong> The types of the CommonJS build are the same files under a <code>package.json</code> that says <code>commonjs</code>.</p><p><strong>Consequence.</strong> There is one set of types.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-commonjs-types.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125CommonjsTypes = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125CommonjsTypes as default
};
