import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse(`{"title":"Functions see the caller's session","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-sessions-in-functions.md","filePath":"docs/decisions/2026-11-28-sessions-in-functions.md"}`);
const _sfc_main = { name: "docs/decisions/2026-11-28-sessions-in-functions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="functions-see-the-caller-s-session" tabindex="-1">Functions see the caller&#39;s session <a class="header-anchor" href="#functions-see-the-caller-s-session" aria-label="Permalink to &quot;Functions see the caller&#39;s session&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> A function should find what its caller stored, and a stock worker takes keys as they are stored. pylm cannot tell a session from a random pipeline id.</p><p><strong>Decision.</strong> <code>context.cache</code> puts the caller&#39;s session in front of keys, and <code>set</code> gives the key as it is stored. frond clients say in <code>features</code> that they have a session. A client&#39;s <code>get</code> looks for its own key first.</p><p><strong>Consequence.</strong> No key of others hides one of the session&#39;s.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-sessions-in-functions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128SessionsInFunctions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128SessionsInFunctions as default
};
