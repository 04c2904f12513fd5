import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"A worker is its link","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-worker-is-its-link.md","filePath":"docs/decisions/2026-11-28-worker-is-its-link.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-worker-is-its-link.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="a-worker-is-its-link" tabindex="-1">A worker is its link <a class="header-anchor" href="#a-worker-is-its-link" aria-label="Permalink to &quot;A worker is its link&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> A worker&#39;s id travels in the open. A stranger that said &quot;I leave&quot; in a worker&#39;s name had its call run twice.</p><p><strong>Decision.</strong> <code>LeasedWorker</code> knows the link that it was heard of over (<code>RequestOrigin.link</code>). What comes in its name over another waits in <code>LinkMoves</code> for the end of that one. Ids of workers that left are remembered.</p><p><strong>Consequence.</strong> A worker that is back before the Master knows that the old link is gone loses a moment, and nothing else.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-worker-is-its-link.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128WorkerIsItsLink = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128WorkerIsItsLink as default
};
