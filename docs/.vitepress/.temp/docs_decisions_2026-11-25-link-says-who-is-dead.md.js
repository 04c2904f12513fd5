import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"The link says who is dead, not the clock","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-link-says-who-is-dead.md","filePath":"docs/decisions/2026-11-25-link-says-who-is-dead.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-link-says-who-is-dead.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="the-link-says-who-is-dead-not-the-clock" tabindex="-1">The link says who is dead, not the clock <a class="header-anchor" href="#the-link-says-who-is-dead-not-the-clock" aria-label="Permalink to &quot;The link says who is dead, not the clock&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> In JavaScript a function that computes for five seconds makes a worker as silent as death does. A Master that gave a worker up after 30 s of silence had three workers run a function that computes for a minute, and its call failed.</p><p><strong>Decision.</strong> A link&#39;s end counts. The system ends those of a killed process at once, and ZeroMQ&#39;s heartbeats, which its I/O thread answers, those of a stopped process or a frozen network. What breaks without a death is back within half a heartbeat.</p><p><strong>Consequence.</strong> A function that never ends keeps its message. The log names its worker, and ending the process ends the link. A beating thread in each worker would have told no more.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-link-says-who-is-dead.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125LinkSaysWhoIsDead = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125LinkSaysWhoIsDead as default
};
