import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"A transport is a recipe, a connection owns","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-transport-is-a-recipe.md","filePath":"docs/decisions/2026-11-25-transport-is-a-recipe.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-transport-is-a-recipe.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="a-transport-is-a-recipe-a-connection-owns" tabindex="-1">A transport is a recipe, a connection owns <a class="header-anchor" href="#a-transport-is-a-recipe-a-connection-owns" aria-label="Permalink to &quot;A transport is a recipe, a connection owns&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> With one object for both, it would be unclear who closes it. A client&#39;s <code>close</code> must not close the memory network its server is on, and must close the sockets that nobody else has.</p><p><strong>Decision.</strong> <code>zeromq()</code> and <code>memory()</code> give a <code>Transport</code> that holds nothing and may be shared. <code>open()</code> gives a <code>Connection</code> that belongs to its opener.</p><p><strong>Consequence.</strong> The owner of a connection closes it, and nothing else.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-transport-is-a-recipe.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125TransportIsARecipe = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125TransportIsARecipe as default
};
