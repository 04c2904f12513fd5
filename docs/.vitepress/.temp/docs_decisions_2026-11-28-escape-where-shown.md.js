import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Escaping belongs to the place that shows","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-escape-where-shown.md","filePath":"docs/decisions/2026-11-28-escape-where-shown.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-escape-where-shown.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="escaping-belongs-to-the-place-that-shows" tabindex="-1">Escaping belongs to the place that shows <a class="header-anchor" href="#escaping-belongs-to-the-place-that-shows" aria-label="Permalink to &quot;Escaping belongs to the place that shows&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> Control characters act on terminals, and results are data.</p><p><strong>Decision.</strong> Errors and the log lines of frond&#39;s own loggers are escaped, because programs print them. Results, keys and the fields that a user&#39;s <code>Logger</code> gets stay as they are, and the command escapes them where it shows them.</p><p><strong>Consequence.</strong> Data is never changed.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-escape-where-shown.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128EscapeWhereShown = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128EscapeWhereShown as default
};
