import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse(`{"title":"The first stage must be the connected server's","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-first-stage-is-the-connected-server.md","filePath":"docs/decisions/2026-11-25-first-stage-is-the-connected-server.md"}`);
const _sfc_main = { name: "docs/decisions/2026-11-25-first-stage-is-the-connected-server.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="the-first-stage-must-be-the-connected-server-s" tabindex="-1">The first stage must be the connected server&#39;s <a class="header-anchor" href="#the-first-stage-must-be-the-connected-server-s" aria-label="Permalink to &quot;The first stage must be the connected server&#39;s&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> A pylm <code>Server</code> answers another name with <code>0</code>. Workers of a Master ignore the name, so there it would work.</p><p><strong>Decision.</strong> The client refuses another name.</p><p><strong>Consequence.</strong> A wrong name is a mistake far more often than a wish.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-first-stage-is-the-connected-server.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125FirstStageIsTheConnectedServer = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125FirstStageIsTheConnectedServer as default
};
