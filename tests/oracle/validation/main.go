// Asks Kubernetes' own code whether the API server takes manifests.
//
//	go run . judge FILE...           the objects in files of YAML
//	go run . judge -                 the objects on stdin, one a line of JSON
//	go run . generate SEED COUNT     COUNT pods at random: changes of a pod that is taken, which stdin gives as below
//	go run . change                  each change by itself
//	go run . quantities              quantities on stdin, a line each
//
// The first line of the changes is a pod, each other one an object from paths in it to values: {"spec.containers.0.image": null}.
// Null takes a field away. The samples that the tests read where there is no Go are
//
//	go run . change < ../../data/changes.jsonl > ../../data/refused.jsonl
//	go run . generate 1 200 < ../../data/changes.jsonl >> ../../data/refused.jsonl
//	go run . quantities < ../../data/quantities.txt > ../../data/quantities.json
//
// Each answer is a line of JSON on stdout: {"file", "document", "kind", "manifest", "refused": [{"field", "type", "detail"}], "warned":
// [text]}. "refused" is absent if the API server accepts the object, "warned" if it does so without a warning. An object that does not
// decode has one refusal without a field.
// From stdin, the answer repeats the object; from a file, it says where the object stood.
//
// An object comes to the validation as it comes from a client that creates it: decoded by Kubernetes' own decoder, which is
// lenient about unknown fields, with the defaults of its version, and in namespace "default" where it names none. Feature gates
// have their defaults, and privileged containers are allowed. Only kinds that are or make pods are asked about; the rest is left out.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	podutil "k8s.io/kubernetes/pkg/api/pod"
	"k8s.io/kubernetes/pkg/apis/apps"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	appsvalidation "k8s.io/kubernetes/pkg/apis/apps/validation"
	"k8s.io/kubernetes/pkg/apis/batch"
	_ "k8s.io/kubernetes/pkg/apis/batch/install"
	batchvalidation "k8s.io/kubernetes/pkg/apis/batch/validation"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	corevalidation "k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/capabilities"
	"sigs.k8s.io/yaml"
)

type refusal struct {
	Field  string `json:"field,omitempty"`
	Type   string `json:"type,omitempty"`
	Detail string `json:"detail"`
}

type answer struct {
	File     string          `json:"file,omitempty"`
	Document int             `json:"document,omitempty"`
	Kind     string          `json:"kind,omitempty"`
	Manifest json.RawMessage `json:"manifest,omitempty"`
	Refused  []refusal       `json:"refused,omitempty"`
	Warned   []string        `json:"warned,omitempty"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	// What nearly every API server is started with: --allow-privileged.
	capabilities.Setup(true, 0)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	answers := json.NewEncoder(out)
	answers.SetEscapeHTML(false)
	switch {
	case len(args) == 2 && args[0] == "judge" && args[1] == "-":
		return eachLine(os.Stdin, answers)
	case len(args) > 1 && args[0] == "judge":
		for _, path := range args[1:] {
			if err := eachDocument(path, answers); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		}
		return nil
	case len(args) == 1 && args[0] == "change":
		return eachChange(os.Stdin, answers)
	case len(args) == 3 && args[0] == "generate":
		return generate(args[1], args[2], os.Stdin, answers)
	case len(args) == 1 && args[0] == "quantities":
		return eachQuantity(os.Stdin, out)
	}
	return fmt.Errorf("usage: validation judge FILE... | judge - | change | generate SEED COUNT | quantities")
}

func eachLine(in io.Reader, answers *json.Encoder) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		text := append([]byte(nil), lines.Bytes()...)
		kind, refused, warned, asked := judge(text)
		if !asked {
			return fmt.Errorf("%s is not asked about", kind)
		}
		if err := answers.Encode(answer{Manifest: text, Refused: refused, Warned: warned}); err != nil {
			return err
		}
	}
	return lines.Err()
}

func eachDocument(path string, answers *json.Encoder) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	documents := utilyaml.NewYAMLReader(bufio.NewReader(file))
	for number := 1; ; number++ {
		text, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		// Invalid YAML never reaches the validation.
		object, err := yaml.YAMLToJSON(text)
		if err != nil {
			continue
		}
		if kind, refused, warned, asked := judge(object); asked {
			if err := answers.Encode(answer{File: path, Document: number, Kind: kind, Refused: refused, Warned: warned}); err != nil {
				return err
			}
		}
	}
}

// judge returns what the API server rejects in an object or warns about, and whether it is of a kind that is asked about.
func judge(text []byte) (kind string, refused []refusal, warned []string, asked bool) {
	var of metav1.TypeMeta
	if json.Unmarshal(text, &of) != nil || !asks(of.Kind) {
		return of.Kind, nil, nil, false
	}
	object, _, err := legacyscheme.Codecs.UniversalDeserializer().Decode(text, nil, nil)
	if runtime.IsNotRegisteredError(err) {
		return of.Kind, nil, nil, false
	}
	if err != nil {
		return of.Kind, []refusal{{Detail: err.Error()}}, nil, true
	}
	legacyscheme.Scheme.Default(object)
	internal, err := legacyscheme.Scheme.UnsafeConvertToVersion(object, runtime.InternalGroupVersioner)
	if err != nil {
		return of.Kind, []refusal{{Detail: err.Error()}}, nil, true
	}
	for _, one := range validate(internal) {
		refused = append(refused, refusal{Field: one.Field, Type: string(one.Type), Detail: one.ErrorBody()})
	}
	return of.Kind, refused, warnings(internal), true
}

func asks(kind string) bool {
	switch kind {
	case "Pod", "PodTemplate", "ReplicationController", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob":
		return true
	}
	return false
}

// validate is what the strategies of the API server's registry do when an object is created.
func validate(object runtime.Object) field.ErrorList {
	options := func(template *core.PodTemplateSpec) corevalidation.PodValidationOptions {
		return podutil.GetValidationOptionsFromPodTemplate(template, nil)
	}
	switch it := object.(type) {
	case *core.Pod:
		inNamespace(&it.ObjectMeta)
		podOptions := podutil.GetValidationOptionsFromPodSpecAndMeta(&it.Spec, nil, &it.ObjectMeta, nil)
		podOptions.ResourceIsPod = true
		return corevalidation.ValidatePodCreate(it, podOptions)
	case *core.PodTemplate:
		inNamespace(&it.ObjectMeta)
		return corevalidation.ValidatePodTemplate(it, options(&it.Template))
	case *core.ReplicationController:
		inNamespace(&it.ObjectMeta)
		return corevalidation.ValidateReplicationController(it, options(it.Spec.Template))
	case *apps.Deployment:
		inNamespace(&it.ObjectMeta)
		return appsvalidation.ValidateDeployment(it, options(&it.Spec.Template))
	case *apps.ReplicaSet:
		inNamespace(&it.ObjectMeta)
		return appsvalidation.ValidateReplicaSet(it, options(&it.Spec.Template))
	case *apps.StatefulSet:
		inNamespace(&it.ObjectMeta)
		return appsvalidation.ValidateStatefulSet(it, appsvalidation.StatefulSetValidationOptions{}, options(&it.Spec.Template))
	case *apps.DaemonSet:
		inNamespace(&it.ObjectMeta)
		return appsvalidation.ValidateDaemonSet(it, options(&it.Spec.Template))
	case *batch.Job:
		inNamespace(&it.ObjectMeta)
		withSelector(it)
		return batchvalidation.ValidateJobSpec(&it.Spec, nil, field.NewPath("spec"), options(&it.Spec.Template))
	case *batch.CronJob:
		inNamespace(&it.ObjectMeta)
		return batchvalidation.ValidateCronJobCreate(it, options(&it.Spec.JobTemplate.Spec.Template))
	}
	return nil
}

// warnings returns what the strategies of the API server's registry warn about when an object is created.
func warnings(object runtime.Object) []string {
	template := func(template *core.PodTemplateSpec, path ...string) []string {
		return podutil.GetWarningsForPodTemplate(context.Background(), field.NewPath(path[0], path[1:]...), template, nil)
	}
	switch it := object.(type) {
	case *core.Pod:
		return podutil.GetWarningsForPod(context.Background(), it, nil)
	case *core.PodTemplate:
		return template(&it.Template, "template")
	case *core.ReplicationController:
		return template(it.Spec.Template, "spec", "template")
	case *apps.Deployment:
		return template(&it.Spec.Template, "spec", "template")
	case *apps.ReplicaSet:
		return template(&it.Spec.Template, "spec", "template")
	case *apps.StatefulSet:
		return template(&it.Spec.Template, "spec", "template")
	case *apps.DaemonSet:
		return template(&it.Spec.Template, "spec", "template")
	case *batch.Job:
		return template(&it.Spec.Template, "spec", "template")
	case *batch.CronJob:
		return template(&it.Spec.JobTemplate.Spec.Template, "spec", "jobTemplate", "spec", "template")
	}
	return nil
}

// withSelector adds the selector and the label that the registry generates before the validation.
func withSelector(job *batch.Job) {
	if job.Spec.Selector != nil || job.Spec.ManualSelector != nil && *job.Spec.ManualSelector {
		return
	}
	label := map[string]string{"batch.kubernetes.io/controller-uid": "uid"}
	job.Spec.Selector = &metav1.LabelSelector{MatchLabels: label}
	if job.Spec.Template.Labels == nil {
		job.Spec.Template.Labels = map[string]string{}
	}
	for key, value := range label {
		job.Spec.Template.Labels[key] = value
	}
}

func inNamespace(meta *metav1.ObjectMeta) {
	if meta.Namespace == "" {
		meta.Namespace = "default"
	}
}
