import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"A session numbers messages, under everything else","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-session-under-everything.md","filePath":"docs/decisions/2026-11-25-session-under-everything.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-session-under-everything.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="a-session-numbers-messages-under-everything-else" tabindex="-1">A session numbers messages, under everything else <a class="header-anchor" href="#a-session-numbers-messages-under-everything-else" aria-label="Permalink to &quot;A session numbers messages, under everything else&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> Resuming could be each verb&#39;s own business: offsets for results, numbers for pushes, repeats for requests.</p><p><strong>Decision.</strong> Whole WebSocket messages are numbered, kept until they are confirmed, and sent again on the next socket, for all verbs and both directions alike.</p><p><strong>Consequence.</strong> A page that is cut a hundred times in a job sees nothing of it, and there is one place to get right.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-session-under-everything.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125SessionUnderEverything = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125SessionUnderEverything as default
};
