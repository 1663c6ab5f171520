// What Grafana 11.2's own published types say a dashboard is, narrowed to the kinds of panels that are used here.
// Each dashboard is compiled against it as a literal, so that a field Grafana does not know is an error, too.

import type * as dashboard from "@grafana/schema/dist/esm/raw/dashboard/x/dashboard_types.gen";
import type * as stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as table from "@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen";
import type * as timeseries from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

/** A type as JSON spells it: the values of an enum instead of its members. */
type Json<T> = unknown extends T
  ? T
  : T extends string
    ? `${T}`
    : T extends number
      ? number extends T
        ? T
        : `${T}` extends `${infer Value extends number}`
          ? Value
          : never
      : T extends object
        ? { [Key in keyof T]: Json<T[Key]> }
        : T;

/** Grafana's Prometheus query, which its types of this version leave out. */
interface Query {
  refId: string;
  datasource: { type: "prometheus"; uid: "${datasource}" };
  editorMode: "code";
  expr: string;
  legendFormat: string;
  instant: boolean;
  range: boolean;
  format?: "table";
}

type PanelOf<Kind, Options, Custom> = Omit<Json<dashboard.Panel>, "type" | "options" | "fieldConfig" | "targets"> & {
  type: Kind;
  title: string;
  description: string;
  targets: Query[];
  options: Json<Options>;
  fieldConfig: Omit<Json<dashboard.FieldConfigSource>, "defaults"> & {
    defaults: Omit<Json<dashboard.FieldConfig>, "custom"> & { custom?: Json<Custom> };
  };
};

type Panel =
  | Json<dashboard.RowPanel>
  | PanelOf<"timeseries", timeseries.Options, timeseries.FieldConfig>
  | PanelOf<"stat", stat.Options, never>
  | PanelOf<"table", Pick<table.Options, "showHeader" | "cellHeight">, never>;

export type Dashboard = Omit<Json<dashboard.Dashboard>, "panels"> & { panels: Panel[] };
