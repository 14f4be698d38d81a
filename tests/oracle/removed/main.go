// Reads in the sources of Kubernetes' API types which versions of each kind exist, and when a version is no longer served.
//
//	go run . > ../../data/removed.json
//	go run . versions > ../../../server/kubernetes/src/versions.txt
//
// The types bear marks that code is generated from ("k8s:prerelease-lifecycle-gen"); the API server takes the generated functions
// as its word on what it serves. Types leave the sources some releases after they are no longer served, so that several releases
// are read; the newest one that has a type counts. Types that left the sources without a mark are taken for
// removed in the release that lacks them. The first result is an array of {"apiVersion", "kind", "removed", "replacement"}:
// removed is the minor version, replacement the apiVersion of the kind's successor, where one is named. The second one has a line for
// each kind: the kind, and each apiVersion that ever had it, the stable and the newest ones first.
package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
)

type row struct {
	APIVersion  string `json:"apiVersion"`
	Kind        string `json:"kind"`
	Removed     int    `json:"removed"`
	Replacement string `json:"replacement,omitempty"`
}

// The modules with marked types, and releases of them, oldest first.
var (
	modules  = []string{"k8s.io/api", "k8s.io/apiextensions-apiserver", "k8s.io/kube-aggregator"}
	releases = []string{"v0.19.16", "v0.20.15", "v0.21.14", "v0.24.17", "v0.28.15", "v0.30.14", "v0.34.3", "v0.37.1"}
)

var (
	group       = regexp.MustCompile(`(?m)^// \+groupName=(\S*)`)
	kind        = regexp.MustCompile(`(?s)// \+genclient\n(?:[^\n]*\n){1,40}?type (\w+) struct`)
	removed     = regexp.MustCompile(`func \(in \*(\w+)\) APILifecycleRemoved\(\) \(major, minor int\) \{\s*return (\d+), (\d+)`)
	replacement = regexp.MustCompile(
		`func \(in \*(\w+)\) APILifecycleReplacement\(\) schema.GroupVersionKind \{\s*return schema.GroupVersionKind\{Group: "([^"]*)", Version: "(\w+)", Kind: "(\w+)"`)
)

func main() {
	rows := map[string]row{}
	versions := map[string][]string{}
	for _, module := range modules {
		before := map[string]bool{}
		for _, release := range releases {
			kinds := map[string]bool{}
			if err := read(module, release, rows, kinds); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			leave(before, kinds, release, rows)
			before = kinds
			for key := range kinds {
				apiVersion, kind, _ := strings.Cut(key, " ")
				// Old releases do not name the group of these.
				apiVersion = strings.TrimPrefix(apiVersion, "core/")
				// The modules have examples, too.
				isReal := number.MatchString(filepath.Base(apiVersion)) && !strings.Contains(apiVersion, "example")
				if isReal && !slices.Contains(versions[kind], apiVersion) {
					versions[kind] = append(versions[kind], apiVersion)
				}
			}
		}
	}
	if len(os.Args) > 1 && os.Args[1] == "versions" {
		printVersions(versions)
		return
	}
	sorted := make([]row, 0, len(rows))
	for _, one := range rows {
		sorted = append(sorted, one)
	}
	sort.Slice(sorted, func(i, j int) bool {
		a, b := sorted[i], sorted[j]
		return a.APIVersion < b.APIVersion || a.APIVersion == b.APIVersion && a.Kind < b.Kind
	})
	fmt.Println("[")
	for i, one := range sorted {
		line, _ := json.Marshal(one)
		separator := ","
		if i == len(sorted)-1 {
			separator = ""
		}
		fmt.Println(string(line) + separator)
	}
	fmt.Println("]")
}

func printVersions(versions map[string][]string) {
	for _, kind := range slices.Sorted(maps.Keys(versions)) {
		all := versions[kind]
		slices.SortFunc(all, func(a, b string) int {
			if byAge := cmp.Compare(rank(b), rank(a)); byAge != 0 {
				return byAge
			}
			return cmp.Compare(a, b)
		})
		fmt.Println(kind, strings.Join(all, " "))
	}
}

// rank orders versions: stable ones before beta and alpha ones, the newest first, and the group that everything left last.
func rank(apiVersion string) int {
	group, version, found := strings.Cut(apiVersion, "/")
	if !found {
		group, version = "", apiVersion
	}
	parts := number.FindStringSubmatch(version)
	stage := map[string]int{"": 3, "beta": 2, "alpha": 1}[parts[2]]
	if group == "extensions" {
		stage = 0
	}
	major, _ := strconv.Atoi(parts[1])
	minor, _ := strconv.Atoi(parts[3])
	return stage*10000 + major*100 + minor
}

var number = regexp.MustCompile(`^v(\d+)(alpha|beta|)(\d*)$`)

// leave notes the kinds that the release before had. Only of the releases that follow each other it is known which one it was.
func leave(before, now map[string]bool, release string, rows map[string]row) {
	minor, _ := strconv.Atoi(strings.Split(release, ".")[1])
	for key := range before {
		if _, marked := rows[key]; !marked && !now[key] && minor <= 21 {
			apiVersion, kind, _ := strings.Cut(key, " ")
			rows[key] = row{APIVersion: apiVersion, Kind: kind, Removed: minor}
		}
	}
}

func read(module, release string, rows map[string]row, kinds map[string]bool) error {
	out, err := exec.Command("go", "mod", "download", "-json", module+"@"+release).Output()
	if err != nil {
		return fmt.Errorf("%s@%s: %w", module, release, err)
	}
	var downloaded struct{ Dir string }
	if err := json.Unmarshal(out, &downloaded); err != nil {
		return err
	}
	return filepath.Walk(downloaded.Dir, func(path string, _ os.FileInfo, err error) error {
		if err != nil || filepath.Base(path) != "types.go" {
			return err
		}
		return readPackage(filepath.Dir(path), rows, kinds)
	})
}

// readPackage reads the types and the generated functions of one version of a group, where it is one.
func readPackage(folder string, rows map[string]row, kinds map[string]bool) error {
	doc, err := os.ReadFile(filepath.Join(folder, "doc.go"))
	if err != nil {
		return nil
	}
	types, err := os.ReadFile(filepath.Join(folder, "types.go"))
	if err != nil {
		return err
	}
	source, err := os.ReadFile(filepath.Join(folder, "zz_generated.prerelease-lifecycle.go"))
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	name := filepath.Base(filepath.Dir(folder))
	if found := group.FindSubmatch(doc); found != nil {
		name = string(found[1])
	}
	apiVersion := strings.TrimPrefix(name+"/"+filepath.Base(folder), "/")
	for _, found := range kind.FindAllSubmatch(types, -1) {
		kinds[apiVersion+" "+string(found[1])] = true
	}
	for _, found := range removed.FindAllSubmatch(source, -1) {
		minor, err := strconv.Atoi(string(found[3]))
		if err != nil {
			return err
		}
		kind := string(found[1])
		rows[apiVersion+" "+kind] = row{APIVersion: apiVersion, Kind: kind, Removed: minor}
	}
	for _, found := range replacement.FindAllSubmatch(source, -1) {
		key := apiVersion + " " + string(found[1])
		if one, ok := rows[key]; ok {
			one.Replacement = strings.TrimPrefix(string(found[2])+"/"+string(found[3]), "/")
			rows[key] = one
		}
	}
	return nil
}
