import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Frames wait where they can be given up","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-frames-wait-where-they-can-be-given-up.md","filePath":"docs/decisions/2026-11-28-frames-wait-where-they-can-be-given-up.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-frames-wait-where-they-can-be-given-up.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="frames-wait-where-they-can-be-given-up" tabindex="-1">Frames wait where they can be given up <a class="header-anchor" href="#frames-wait-where-they-can-be-given-up" aria-label="Permalink to &quot;Frames wait where they can be given up&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> What the system holds cannot be taken back.</p><p><strong>Decision.</strong> A link takes 64 KiB ahead of the system; the rest waits in a <code>SendQueue</code>. When a link breaks, what waits is rejected (<code>sent: false</code> where none of the send had left), and what the socket held is gone with it.</p><p><strong>Consequence.</strong> Nothing of either is ever sent over the next link. Frames of a bound PUSH belong to no puller while they wait, and go to another.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-frames-wait-where-they-can-be-given-up.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128FramesWaitWhereTheyCanBeGivenUp = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128FramesWaitWhereTheyCanBeGivenUp as default
};
