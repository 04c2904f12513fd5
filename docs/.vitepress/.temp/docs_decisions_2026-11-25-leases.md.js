import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"A Master remembers what each worker holds","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-leases.md","filePath":"docs/decisions/2026-11-25-leases.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-leases.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="a-master-remembers-what-each-worker-holds" tabindex="-1">A Master remembers what each worker holds <a class="header-anchor" href="#a-master-remembers-what-each-worker-holds" aria-label="Permalink to &quot;A Master remembers what each worker holds&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> Work must not be lost or counted twice.</p><p><strong>Decision.</strong> Each handing out has a number, the lease, and requests are numbered, so that one that is sent again after a break counts once.</p><p><strong>Consequence.</strong> <code>Leases</code> knows the messages, <code>WorkerRegistry</code> the workers and who of them is dead, <code>WorkSharing</code> who gets what; <code>Dispatcher</code> answers requests with them.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-leases.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125Leases = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125Leases as default
};
