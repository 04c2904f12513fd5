import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Waiting objects hold no buffers","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-waiting-objects-hold-no-buffers.md","filePath":"docs/decisions/2026-11-25-waiting-objects-hold-no-buffers.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-waiting-objects-hold-no-buffers.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="waiting-objects-hold-no-buffers" tabindex="-1">Waiting objects hold no buffers <a class="header-anchor" href="#waiting-objects-hold-no-buffers" aria-label="Permalink to &quot;Waiting objects hold no buffers&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> An object that lives through two of V8&#39;s quick collections is old, and what it leads to stays until the old ones are looked through. With a thousand clients in a process everything that waits gets old.</p><p><strong>Decision.</strong> <code>BatchQueue</code>, the senders of jobs and maps, and the relay&#39;s <code>PushChannel</code> make their arrays when something comes, and the client empties each batch that it has worked on. A job encodes its next batch when that can leave at once (<code>room</code> of a <code>Pusher</code>).</p><p><strong>Consequence.</strong> Nothing that a thousand clients encode grows old. A message counts as <code>sent</code> when it has left.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-waiting-objects-hold-no-buffers.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125WaitingObjectsHoldNoBuffers = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125WaitingObjectsHoldNoBuffers as default
};
