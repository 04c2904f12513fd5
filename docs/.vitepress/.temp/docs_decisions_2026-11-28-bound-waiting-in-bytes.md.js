import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"What waits is bounded in bytes, for all clients together","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-bound-waiting-in-bytes.md","filePath":"docs/decisions/2026-11-28-bound-waiting-in-bytes.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-bound-waiting-in-bytes.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="what-waits-is-bounded-in-bytes-for-all-clients-together" tabindex="-1">What waits is bounded in bytes, for all clients together <a class="header-anchor" href="#what-waits-is-bounded-in-bytes-for-all-clients-together" aria-label="Permalink to &quot;What waits is bounded in bytes, for all clients together&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> With marks in messages, 1 GiB that was pushed to a Server with a slow function lay in its memory. PULL gives no choice of whose frame is read next, so a share for each client would fail honest jobs of large messages.</p><p><strong>Decision.</strong> There is one budget (<code>maxWaiting</code>). Past it nothing is read, and senders are held up. What functions work on counts, too, or <code>concurrency: Infinity</code> would have no bound.</p><p><strong>Consequence.</strong> ZeroMQ takes turns between its links, so a call of another client is read as soon as there is room for one message, and <code>Turns</code> gives it the next place.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-bound-waiting-in-bytes.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128BoundWaitingInBytes = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128BoundWaitingInBytes as default
};
