import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"A bound end introduces itself last","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-bound-end-introduces-itself-last.md","filePath":"docs/decisions/2026-11-28-bound-end-introduces-itself-last.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-bound-end-introduces-itself-last.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="a-bound-end-introduces-itself-last" tabindex="-1">A bound end introduces itself last <a class="header-anchor" href="#a-bound-end-introduces-itself-last" aria-label="Permalink to &quot;A bound end introduces itself last&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> libzmq that reads greeting and introduction at once hangs up on a misfit without a byte.</p><p><strong>Decision.</strong> A bound end greets once a greeting has begun well, and sends READY when it knows the peer&#39;s. A dialler whose link ended before the greeting waits for the greeting the next time.</p><p><strong>Consequence.</strong> A dialler that is up is known, a misfit gets an ERROR with the reason, and a stranger gets nothing.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-bound-end-introduces-itself-last.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128BoundEndIntroducesItselfLast = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128BoundEndIntroducesItselfLast as default
};
