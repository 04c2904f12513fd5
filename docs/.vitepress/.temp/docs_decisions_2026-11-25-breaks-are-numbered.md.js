import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"A break of the link has a number","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-breaks-are-numbered.md","filePath":"docs/decisions/2026-11-25-breaks-are-numbered.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-breaks-are-numbered.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="a-break-of-the-link-has-a-number" tabindex="-1">A break of the link has a number <a class="header-anchor" href="#a-break-of-the-link-has-a-number" aria-label="Permalink to &quot;A break of the link has a number&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> A link that calls are pushed on is given up 250 ms after its end.</p><p><strong>Decision.</strong> Each attempt knows how many breaks there were when it was sent.</p><p><strong>Consequence.</strong> What was sent over the next link meanwhile is not lost with the old one.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-breaks-are-numbered.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125BreaksAreNumbered = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125BreaksAreNumbered as default
};
