import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Servers let go of clients last","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-let-go-of-clients-last.md","filePath":"docs/decisions/2026-11-25-let-go-of-clients-last.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-let-go-of-clients-last.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="servers-let-go-of-clients-last" tabindex="-1">Servers let go of clients last <a class="header-anchor" href="#servers-let-go-of-clients-last" aria-label="Permalink to &quot;Servers let go of clients last&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> Clients take the end of the link that they push on for the loss of their answers.</p><p><strong>Decision.</strong> Closing stops reading calls, and leaves that link open until everything is answered and published.</p><p><strong>Consequence.</strong> Clients get the answers of a server that closes.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-let-go-of-clients-last.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125LetGoOfClientsLast = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125LetGoOfClientsLast as default
};
