import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Large frames are cut, and the socket gets little","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-cut-large-frames.md","filePath":"docs/decisions/2026-11-28-cut-large-frames.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-cut-large-frames.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="large-frames-are-cut-and-the-socket-gets-little" tabindex="-1">Large frames are cut, and the socket gets little <a class="header-anchor" href="#large-frames-are-cut-and-the-socket-gets-little" aria-label="Permalink to &quot;Large frames are cut, and the socket gets little&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> What a socket has taken nobody can pass. With 1 MB in it, at 30 kB/s, a ping arrives after 33 s and the link counts as dead. <code>bufferedAmount</code> does not tell, because the system takes megabytes more.</p><p><strong>Decision.</strong> <code>Pace</code> reckons from confirmations how much is sent in about half a second, and <code>Outgoing</code> keeps the rest, cut into pieces only as they leave. Pieces are counted messages of the session.</p><p><strong>Consequence.</strong> A break costs one piece. Frames of one call keep their order; among calls a large one is passed.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-cut-large-frames.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128CutLargeFrames = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128CutLargeFrames as default
};
