package main

import (
	"fmt"
	"math/rand"
)

type object = map[string]any

// maker makes pods that pass at every level, except in the fields where it strays.
type maker struct {
	*rand.Rand
	// How likely each field strays.
	stray float64
	// The only area to stray in; empty for all of them.
	only string
	// The area whose fields are made.
	area string
}

// An area with more to try is there more than once.
var areas = []string{"namespaces", "volumes", "volumes", "volumes", "volumes", "volumes", "volumes", "capabilities", "added",
	"sysctls", "sysctls", "annotations", "ports", "actions", "escalation", "procMount", "privileged", "seLinuxOptions",
	"seccompProfile", "appArmorProfile", "user", "windowsOptions"}

// at is the maker for the fields of an area.
func (m maker) at(area string) maker {
	m.area = area
	return m
}

// randomPod makes a pod. Some stray in hardly any field, or in one area, so that a single check decides; others in most of them.
func randomPod(random *rand.Rand) object {
	strays := []float64{0, 0.01, 0.01, 0.02, 0.02, 0.03, 0.04, 0.06, 0.1, 0.4}
	m := maker{random, strays[random.Intn(len(strays))], "", ""}
	if random.Intn(2) == 0 {
		m = maker{random, 0.5, areas[random.Intn(len(areas))], ""}
	}
	metadata := object{"name": "pod"}
	spec := object{}
	lists := map[string]int{"initContainers": m.Intn(3) - 1, "containers": 1 + m.Intn(2), "ephemeralContainers": m.Intn(4) - 2}
	windows := m.Float64() < 0.2
	for _, list := range []string{"initContainers", "containers", "ephemeralContainers"} {
		m.set(spec, list, m.containers(list, lists[list], windows))
	}
	m.at("namespaces").maybe(spec, "hostNetwork", nil, false, true, true)
	m.at("namespaces").maybe(spec, "hostPID", nil, false, true, true)
	m.at("namespaces").maybe(spec, "hostIPC", nil, false, true, true)
	if m.Float64() < 0.25 {
		spec["hostUsers"] = m.one(false, false, true, nil)
	}
	switch {
	case windows:
		spec["os"] = object{"name": "windows"}
	case m.Float64() < 0.2:
		spec["os"] = m.one(object{"name": "linux"}, object{}, nil, object{"name": "Windows"}, object{"name": ""})
	}
	m.set(spec, "securityContext", m.podContext(windows))
	m.set(spec, "volumes", m.at("volumes").volumes())
	m.set(metadata, "annotations", m.at("annotations").annotations())
	pod := object{"apiVersion": "v1", "kind": "Pod", "spec": spec}
	if m.Float64() < 0.95 || metadata["annotations"] != nil {
		pod["metadata"] = metadata
	}
	return pod
}

func (m maker) strays() bool {
	return (m.only == "" || m.only == m.area) && m.Float64() < m.stray
}

func (m maker) one(values ...any) any { return values[m.Intn(len(values))] }

// maybe sets a field to one of some values where it strays.
func (m maker) maybe(to object, key string, values ...any) {
	if m.strays() {
		to[key] = m.one(values...)
	}
}

// absent marks a field that is not written.
var absent = struct{}{}

// set sets a field, and leaves it out where there is nothing to set.
func (m maker) set(to object, key string, value any) {
	switch value := value.(type) {
	case struct{}:
		return
	case object:
		if len(value) == 0 && m.Float64() < 0.7 {
			return
		}
	case []any:
		if len(value) == 0 && m.Float64() < 0.8 {
			return
		}
	}
	if value == nil && m.Float64() < 0.5 {
		return
	}
	to[key] = value
}

func (m maker) containers(list string, count int, windows bool) []any {
	containers := []any{}
	for i := range max(count, 0) {
		container := object{"name": fmt.Sprintf("%c%d", list[0], i), "image": "app:1"}
		m.set(container, "securityContext", m.containerContext(windows))
		m.set(container, "ports", m.at("ports").ports())
		m.at("actions").actions(container)
		containers = append(containers, container)
	}
	return containers
}

func (m maker) containerContext(windows bool) any {
	if m.strays() && m.strays() {
		return m.one(absent, nil, object{})
	}
	context := object{}
	if !windows || m.strays() {
		m.at("escalation").good(context, "allowPrivilegeEscalation", false, true, nil, absent)
		m.set(context, "capabilities", m.at("capabilities").capabilities())
		m.at("procMount").maybe(context, "procMount", "Default", "Unmasked", "Unmasked", "", "default", nil)
		m.at("privileged").maybe(context, "privileged", true, true, false, nil)
		m.at("seLinuxOptions").seLinux(context)
	}
	m.at("seccompProfile").profile(context, "seccompProfile", windows, 0.4)
	m.at("appArmorProfile").profile(context, "appArmorProfile", windows, 0.2)
	m.at("user").user(context)
	m.at("windowsOptions").windowsOptions(context)
	return context
}

func (m maker) podContext(windows bool) any {
	if m.strays() {
		return m.one(absent, nil, object{})
	}
	context := object{}
	m.at("user").good(context, "runAsNonRoot", true, false, nil, absent)
	m.at("user").maybe(context, "runAsUser", 0, 0, 1000, nil)
	m.at("seccompProfile").profile(context, "seccompProfile", windows, 0.9)
	m.at("appArmorProfile").profile(context, "appArmorProfile", windows, 0.2)
	if !windows || m.strays() {
		m.at("seLinuxOptions").seLinux(context)
	}
	m.at("windowsOptions").windowsOptions(context)
	m.set(context, "sysctls", m.at("sysctls").sysctls())
	return context
}

// good sets a field to a good value, or to one of the others where it strays.
func (m maker) good(to object, key string, good any, others ...any) {
	value := good
	if m.strays() {
		value = m.one(others...)
	}
	if value != absent {
		to[key] = value
	}
}

func (m maker) user(context object) {
	if m.Float64() < 0.2 {
		context["runAsNonRoot"] = true
	}
	m.maybe(context, "runAsNonRoot", false, false, true, nil)
	m.maybe(context, "runAsUser", 0, 0, 1000, nil)
}

func (m maker) profile(context object, key string, windows bool, likely float64) {
	if windows {
		likely = 0.02
	}
	if m.Float64() < likely {
		context[key] = m.one(object{"type": "RuntimeDefault"}, object{"type": "Localhost", "localhostProfile": "a"})
	}
	m.maybe(context, key, object{"type": "Unconfined"}, object{"type": "Unconfined", "localhostProfile": "a"}, object{},
		object{"type": ""}, object{"type": nil}, object{"type": "runtime/default"}, object{"type": "runtimeDefault"},
		object{"localhostProfile": "a"}, object{"type": "Localhost"}, nil, object{"type": "RuntimeDefault"})
}

func (m maker) seLinux(context object) {
	if m.strays() {
		options := object{}
		m.set(options, "type", m.one(absent, nil, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t",
			"spc_t", "Container_t"))
		m.set(options, "user", m.one(absent, absent, absent, nil, "", "system_u"))
		m.set(options, "role", m.one(absent, absent, absent, nil, "", "system_r"))
		m.set(options, "level", m.one(absent, nil, "", "s0:c1,c2"))
		context["seLinuxOptions"] = m.one(options, options, options, nil)
	}
}

func (m maker) windowsOptions(context object) {
	m.maybe(context, "windowsOptions", object{"hostProcess": true}, object{"hostProcess": true}, object{"hostProcess": false},
		object{"hostProcess": nil}, object{}, nil, object{"runAsUserName": "ContainerUser"})
}

func (m maker) capabilities() any {
	if m.strays() {
		return m.one(absent, nil, object{})
	}
	capabilities := object{}
	drop := []any{"ALL"}
	if m.strays() {
		drop = []any{m.one("all", "CAP_ALL", "NET_RAW", "All", "", nil)}
	}
	if m.Float64() < 0.1 {
		drop = append(drop, m.one("ALL", "CHOWN", "NET_RAW", nil))
	}
	add := []any{}
	if m.Float64() < 0.3 {
		add = append(add, "NET_BIND_SERVICE")
	}
	for m.at("added").strays() {
		add = append(add, m.one("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE",
			"SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT", "CAP_CHOWN", "chown", "Net_Bind_Service", "ALL", "SYS_ADMIN",
			"CAP_SYS_ADMIN", "NET_ADMIN", "NET_RAW", "BPF", "", nil, " CHOWN", "SYS_TIME"))
	}
	m.set(capabilities, "drop", drop)
	m.set(capabilities, "add", add)
	m.maybe(capabilities, "drop", nil, []any{})
	m.at("added").maybe(capabilities, "add", nil, []any{})
	return capabilities
}

func (m maker) ports() []any {
	ports := []any{}
	if m.Float64() < 0.2 {
		ports = append(ports, object{"containerPort": 8080})
	}
	for m.strays() {
		ports = append(ports, m.one(object{"containerPort": 80, "hostPort": 80}, object{"containerPort": 80, "hostPort": 0},
			object{"containerPort": 80, "hostPort": nil}, object{"containerPort": 80, "hostIP": "192.0.2.1"}, object{}, nil,
			object{"containerPort": 80, "hostPort": -1}, object{"containerPort": 53, "hostPort": 53, "protocol": "UDP"}))
	}
	return ports
}

// actions gives the container what the kubelet does for it.
func (m maker) actions(container object) {
	for _, key := range []string{"livenessProbe", "readinessProbe", "startupProbe"} {
		if m.Float64() < 0.1 || m.strays() {
			container[key] = m.one(nil, object{}, m.handler(), m.handler(), m.handler())
		}
	}
	if m.Float64() < 0.1 || m.strays() {
		hooks := object{}
		for _, key := range []string{"postStart", "preStop"} {
			m.set(hooks, key, m.one(absent, nil, object{}, m.handler(), m.handler()))
		}
		container["lifecycle"] = m.one(hooks, hooks, nil)
	}
}

func (m maker) handler() object {
	action := object{"port": 8080}
	if m.strays() {
		m.set(action, "host", m.one(nil, "", "127.0.0.1", "localhost", "169.254.169.254", "::1", "0"))
	}
	return object{m.one("httpGet", "tcpSocket").(string): m.one(action, action, action, nil)}
}

func (m maker) sysctls() []any {
	sysctls := []any{}
	if m.Float64() < 0.05 {
		sysctls = append(sysctls, object{"name": "net.ipv4.tcp_syncookies", "value": "1"})
	}
	for m.strays() {
		name := m.one("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies",
			"net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ip_local_reserved_ports",
			"net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
			"net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem", "net.ipv4.tcp_slow_start_after_idle",
			"net.ipv4.tcp_notsent_lowat", "kernel.msgmax", "net.core.somaxconn", "net/ipv4/tcp_syncookies", "NET.IPV4.TCP_RMEM",
			"net.ipv4.tcp_rmem.x", "", nil)
		sysctls = append(sysctls, m.one(object{"name": name, "value": "1"}, object{"name": name, "value": "1"},
			object{"name": name, "value": "1"}, object{"value": "1"}, nil))
	}
	return sysctls
}

var allowedSources = []string{"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim",
	"projected", "secret"}

var otherSources = []string{"gcePersistentDisk", "awsElasticBlockStore", "gitRepo", "nfs", "iscsi", "glusterfs",
	"rbd", "flexVolume", "cinder", "cephfs", "flocker", "fc", "azureFile", "vsphereVolume", "quobyte", "azureDisk",
	"portworxVolume", "photonPersistentDisk", "scaleIO", "storageos", "hostpath", "unheardOf"}

func (m maker) volumes() []any {
	volumes := []any{}
	if m.Float64() < 0.2 {
		volumes = append(volumes, object{"name": "v", allowedSources[m.Intn(len(allowedSources))]: object{}})
	}
	for m.strays() {
		volume := object{"name": fmt.Sprintf("v%d", len(volumes))}
		other := otherSources[m.Intn(len(otherSources))]
		if m.Float64() < 0.5 {
			other = "hostPath"
		}
		allowed := allowedSources[m.Intn(len(allowedSources))]
		switch m.Intn(10) {
		case 0:
			volume[other] = nil
		case 1:
			volume[allowed] = nil
		case 2:
			volume[allowed], volume[other] = object{}, m.source(other)
		case 3:
			volume[allowed], volume[other] = nil, m.source(other)
		case 4:
		default:
			volume[other] = m.source(other)
		}
		volumes = append(volumes, m.one(volume, volume, volume, volume, volume, volume, nil))
	}
	return volumes
}

func (m maker) source(kind string) any {
	if kind != "hostPath" {
		return object{}
	}
	path := m.one("/", "/etc/", "/srv/data", "/var/run/docker.sock", "/run/containerd", "/var/run", "//var//lib/kubelet/..", "data",
		"", nil, "/run/secrets", "/var/run/../../etc")
	return m.one(object{"path": path}, object{"path": path}, object{"path": path}, object{"path": path, "type": "Directory"}, object{}, object{"type": nil})
}

func (m maker) annotations() any {
	if m.Float64() < 0.1 {
		return m.one(nil, object{}, object{"example.com/team": "web"})
	}
	annotations := object{}
	seccomp := []any{"runtime/default", "docker/default", "localhost/a", "localhost/", "unconfined", "", nil, "Runtime/Default", "local"}
	appArmor := []any{"runtime/default", "localhost/a", "localhost/", "unconfined", "", nil, "RuntimeDefault", "docker/default"}
	names := []any{"c0", "i0", "e0", "c1", "nobody", ""}
	for m.strays() {
		annotations["seccomp.security.alpha.kubernetes.io/pod"] = m.one(seccomp...)
	}
	for m.strays() {
		annotations["container.seccomp.security.alpha.kubernetes.io/"+m.one(names...).(string)] = m.one(seccomp...)
	}
	for m.strays() {
		annotations["container.apparmor.security.beta.kubernetes.io/"+m.one(names...).(string)] = m.one(appArmor...)
	}
	m.maybe(annotations, "container.apparmor.security.beta.kubernetes.io", "unconfined")
	return annotations
}
