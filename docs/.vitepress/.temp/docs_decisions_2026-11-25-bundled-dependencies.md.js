import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Small libraries are bundled","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-bundled-dependencies.md","filePath":"docs/decisions/2026-11-25-bundled-dependencies.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-bundled-dependencies.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="small-libraries-are-bundled" tabindex="-1">Small libraries are bundled <a class="header-anchor" href="#small-libraries-are-bundled" aria-label="Permalink to &quot;Small libraries are bundled&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> Loading msgpackr and nanoid as packages took Node 37 ms of the 105 from import to the first answer. CommonJS could not require nanoid, and a page needs a bundle anyway.</p><p><strong>Decision.</strong> They are bundled, as are prom-client and valibot with the relay and the command.</p><p><strong>Consequence.</strong> A user who installs frond gets one package. The licences are in <code>dist/THIRD_PARTY_LICENSES.txt</code>.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-bundled-dependencies.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125BundledDependencies = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125BundledDependencies as default
};
