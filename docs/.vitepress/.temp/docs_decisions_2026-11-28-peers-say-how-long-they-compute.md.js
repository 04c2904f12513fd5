import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"A peer says how long it may compute","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-peers-say-how-long-they-compute.md","filePath":"docs/decisions/2026-11-28-peers-say-how-long-they-compute.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-peers-say-how-long-they-compute.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="a-peer-says-how-long-it-may-compute" tabindex="-1">A peer says how long it may compute <a class="header-anchor" href="#a-peer-says-how-long-it-may-compute" aria-label="Permalink to &quot;A peer says how long it may compute&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> JavaScript cannot answer a PING while a function computes, and a call whose server is taken for dead runs twice.</p><p><strong>Decision.</strong> READY carries <code>X-Busy-Timeout</code>, 30 s by default, and a silent link to such a peer is dead after that. To a peer that does not say so, as libzmq, it is dead after two heartbeats. Links where peers are held up on purpose (PUSH, PULL, PUB) have TCP keepalive instead.</p><p><strong>Consequence.</strong> Silence is counted in looks and not in milliseconds, so time in which this process computed is not held against its peers.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-peers-say-how-long-they-compute.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128PeersSayHowLongTheyCompute = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128PeersSayHowLongTheyCompute as default
};
