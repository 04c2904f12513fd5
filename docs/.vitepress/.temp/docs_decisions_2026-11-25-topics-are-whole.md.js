import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"A topic is taken whole","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-topics-are-whole.md","filePath":"docs/decisions/2026-11-25-topics-are-whole.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-topics-are-whole.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="a-topic-is-taken-whole" tabindex="-1">A topic is taken whole <a class="header-anchor" href="#a-topic-is-taken-whole" aria-label="Permalink to &quot;A topic is taken whole&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> SUB gives a Pipeline what is published under every topic that begins with its previous server&#39;s name. pylm runs that, too.</p><p><strong>Decision.</strong> frond passes over it.</p><p><strong>Consequence.</strong> <code>first</code> and <code>first2</code> are two servers.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-topics-are-whole.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125TopicsAreWhole = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125TopicsAreWhole as default
};
