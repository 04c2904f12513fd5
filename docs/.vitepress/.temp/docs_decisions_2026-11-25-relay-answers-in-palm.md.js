import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"The relay answers in PALM","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-relay-answers-in-palm.md","filePath":"docs/decisions/2026-11-25-relay-answers-in-palm.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-relay-answers-in-palm.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="the-relay-answers-in-palm" tabindex="-1">The relay answers in PALM <a class="header-anchor" href="#the-relay-answers-in-palm" aria-label="Permalink to &quot;The relay answers in PALM&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> A caller should hear of a refusal at once, without a frame type for it.</p><p><strong>Decision.</strong> A call that is not granted is answered as a server would that refuses it, under the call&#39;s own topic.</p><p><strong>Consequence.</strong> What no well-behaved client does closes the connection.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-relay-answers-in-palm.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125RelayAnswersInPalm = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125RelayAnswersInPalm as default
};
